/** Label values of one series. Only bounded sets: a procedure's name, never a path or an id. */
export type Labels = Readonly<Record<string, string>>

/**
 * What mechanisms count through. Names are snake_case with the unit last
 * (`rpc_duration_seconds`), as Prometheus has it.
 */
export interface Metrics {
  count(name: string, labels?: Labels, by?: number): void
  /** Records one observation, in the unit that the name ends with. */
  observe(name: string, value: number, labels?: Labels): void
  /** Registers a value that is read when somebody looks. Returns its removal. */
  gauge(name: string, read: () => number): () => void
}

/** One observed series: how many, their sum, the largest. */
export interface Observed {
  count: number
  sum: number
  max: number
}

/** `Metrics` that can be read back. */
export interface MetricsRegistry extends Metrics {
  snapshot(): {
    counters: Record<string, number>
    observed: Record<string, Observed>
    gauges: Record<string, number>
  }
}

/** Series beyond this many are dropped and counted, so that a bad label cannot eat the memory. */
const MAX_SERIES = 10_000

/** Metrics kept in this process. */
export function createMetrics(): MetricsRegistry {
  const counters = new Map<string, number>()
  const observed = new Map<string, Observed>()
  const gauges = new Map<string, () => number>()
  let dropped = 0

  function admits(series: ReadonlyMap<string, unknown>, key: string): boolean {
    if (series.has(key) || series.size < MAX_SERIES) return true
    dropped++
    return false
  }

  return {
    count(name, labels, by = 1) {
      const key = seriesKey(name, labels)
      if (admits(counters, key)) counters.set(key, (counters.get(key) ?? 0) + by)
    },
    observe(name, value, labels) {
      const key = seriesKey(name, labels)
      if (!admits(observed, key)) return
      const series = observed.get(key) ?? { count: 0, sum: 0, max: 0 }
      series.count++
      series.sum += value
      series.max = Math.max(series.max, value)
      observed.set(key, series)
    },
    gauge(name, read) {
      gauges.set(name, read)
      return () => gauges.delete(name)
    },
    snapshot: () => ({
      counters: { ...Object.fromEntries(counters), metrics_series_dropped_total: dropped },
      observed: Object.fromEntries(observed),
      gauges: Object.fromEntries([...gauges].map(([name, read]) => [name, read()])),
    }),
  }
}

function seriesKey(name: string, labels: Labels | undefined): string {
  if (!labels) return name
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  return `${name}{${pairs.join(',')}}`
}
