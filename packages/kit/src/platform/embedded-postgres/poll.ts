import { setTimeout as sleep } from 'node:timers/promises'

const INTERVAL_MS = 20

/**
 * Asks until there is an answer. Gives the first one that is not undefined, or undefined
 * once `timeoutMs` have passed; asks at least once. An error of `ask` ends the wait.
 */
export async function poll<T>(
  ask: () => Promise<T | undefined>,
  timeoutMs: number,
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined || performance.now() >= deadline) return answer
    await sleep(INTERVAL_MS)
  }
}
