/** What became of the calls of an honest client. */
export interface CanaryReport {
  readonly calls: number
  readonly failed: number
  readonly p99Ms: number
}

/** Calls again and again, one after the other, until it is told to stop. */
export function startCanary(call: () => Promise<unknown>) {
  const durationsMs: number[] = []
  const stopping = new AbortController()
  let failed = 0
  async function callOnce() {
    const startedAt = performance.now()
    try {
      await call()
    } catch {
      failed++
    }
    durationsMs.push(performance.now() - startedAt)
  }
  async function run() {
    while (!stopping.signal.aborted) await callOnce()
  }
  const running = run()
  return {
    calls: () => durationsMs.length,
    async stop(): Promise<CanaryReport> {
      stopping.abort()
      await running
      const sorted = durationsMs.toSorted((a, b) => a - b)
      const p99Ms = sorted[Math.floor(sorted.length * 0.99)] ?? NaN
      return { calls: sorted.length, failed, p99Ms }
    },
  }
}
