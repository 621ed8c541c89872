/** What became of one call. */
export interface Outcome {
  readonly outcome: string
  readonly tookMs: number
}

/** How often is called, and how many calls may be under way: one more is left out. */
export interface Rate {
  readonly perSecond: number
  readonly mostAtOnce: number
}

/** Calls that come at their times, however long those before them take. */
export interface SteadyCalls {
  /** What became of those that have ended so far. */
  readonly ended: readonly Outcome[]
  /** Begins no more, waits for those under way and gives what became of all. */
  stop(): Promise<readonly Outcome[]>
}

/** How often is looked who is due, in milliseconds. */
const TICK_MS = 5

/**
 * Calls again and again, with the number of the call. `call` resolves to its outcome; one that
 * rejects has the outcome `failed`.
 */
export function startSteadyCalls(
  { perSecond, mostAtOnce }: Rate,
  call: (n: number) => Promise<string>,
): SteadyCalls {
  const ended: Outcome[] = []
  const calls = new Set<Promise<void>>()
  const startedAt = performance.now()
  let wereDue = 0
  function callOnce(n: number) {
    const running = measure(() => call(n)).then((outcome) => {
      ended.push(outcome)
      calls.delete(running)
    })
    calls.add(running)
  }
  function callAllDue() {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond)
    for (; wereDue < due; wereDue++) {
      if (calls.size < mostAtOnce) callOnce(wereDue)
    }
  }
  const timer = setInterval(callAllDue, TICK_MS)
  return {
    ended,
    async stop() {
      clearInterval(timer)
      await Promise.all(calls)
      return ended
    },
  }
}

async function measure(call: () => Promise<string>): Promise<Outcome> {
  const startedAt = performance.now()
  const outcome = await call().catch(() => 'failed')
  return { outcome, tookMs: performance.now() - startedAt }
}

/** How many had each outcome. */
export function countOutcomes(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

/** The time that 99 of 100 took at most, in milliseconds. */
export function p99Of(outcomes: readonly Outcome[]): number {
  const sorted = outcomes.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? NaN
}
