/** A holder refreshes for 10 s at most. One that takes longer is a tab that the browser has frozen. */
const PATIENCE_MS = 15_000

/**
 * Runs `run` while nobody else does under the same name: in another tab, or in another thread of
 * this process. Where there are no Web Locks (pages over plain HTTP), or a frozen tab holds the
 * lock, it runs all the same; the server's grace for a repeated refresh covers that.
 */
export async function withRefreshLock<T>(name: string, run: () => Promise<T>): Promise<T> {
  // The types promise what only secure contexts have.
  const locks: LockManager | undefined = globalThis.navigator?.locks
  if (!locks) return run()
  let entered = false
  const enter = () => {
    entered = true
    return run()
  }
  // The signal's timer keeps no process alive; it ends waiting, and nothing that has begun.
  const options = { signal: AbortSignal.timeout(PATIENCE_MS) }
  try {
    return await locks.request(`tautline:${name}`, options, enter)
  } catch (error) {
    if (entered) throw error
    return run()
  }
}
