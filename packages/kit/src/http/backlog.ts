import type { Server } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** A turn of the event loop that takes less, in milliseconds, leaves hardly any time to connect. */
const QUICK_MS = 1

/** On a busy machine no turn is quick; for no longer than this, in milliseconds, is one awaited. */
const QUICK_TIMEOUT_MS = 200

/** Longer than this, in milliseconds, no stop waits for people to stop coming. */
const TIMEOUT_MS = 2_000

/**
 * Resolves as soon as everybody who has connected is accepted; what is called right after it runs
 * before anybody else can be waiting, but for those of the last millisecond. The kernel resets the
 * connections that wait in the backlog of a socket that stops listening. A proxy may have sent a
 * POST on them, which it never sends again. And they do wait: libuv accepts one in a turn.
 */
export async function acceptWaiting(server: Server): Promise<void> {
  let accepted = 0
  const count = () => accepted++
  server.on('connection', count)
  const beganAt = performance.now()
  await nextTurn() // the rest of this turn, in which nobody may be accepted any more
  for (;;) {
    const [before, startedAt] = [accepted, performance.now()]
    await nextTurn()
    const now = performance.now()
    const quick = now - startedAt < QUICK_MS || now - beganAt > QUICK_TIMEOUT_MS
    if ((quick && accepted === before) || now - beganAt > TIMEOUT_MS) break
  }
  server.off('connection', count)
}
