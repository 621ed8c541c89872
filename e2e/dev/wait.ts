import { setTimeout as sleep } from 'node:timers/promises'

const INTERVAL_MS = 25

/**
 * Asks until the answer is neither undefined nor false, and gives it. Fails after `timeoutMs` and
 * says what was waited for.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 60_000,
): Promise<T> {
  const giveUpAt = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > giveUpAt) throw new Error(`Waited ${timeoutMs} ms for: ${what}`)
    await sleep(INTERVAL_MS)
  }
}
