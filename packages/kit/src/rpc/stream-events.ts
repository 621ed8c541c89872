import { getTRPCErrorFromUnknown, isTrackedEnvelope, tracked, TRPCError } from '@trpc/server'

import { orAborted } from '../platform/abort.ts'
import { within } from '../platform/call-scope.ts'
import type { RunningCall } from './call.ts'
import { StreamEnd } from './stream-end.ts'
import { toTrpcError } from './trpc.ts'

/**
 * Passes each event through `toEvent`, which fails for one that may not be sent, and keeps the generator inside its call, whose one log line
 * is written when the last event is out, the caller has gone, or the generator failed.
 */
export async function* streamEvents(
  events: AsyncIterable<unknown>,
  toEvent: (event: unknown) => Promise<unknown>,
  call: RunningCall,
): AsyncGenerator<unknown, void> {
  const iterator = events[Symbol.asyncIterator]()
  const { scope } = call
  let ended = false
  try {
    for (;;) {
      const step = await orAborted(
        within(scope, () => iterator.next()),
        scope.signal,
      )
      if (step.done === true) break
      yield isTrackedEnvelope(step.value)
        ? tracked(step.value[0], await toEvent(step.value[1]))
        : await toEvent(step.value)
    }
    ended = true
    call.finish()
  } catch (error) {
    ended = true
    if (error instanceof StreamEnd) {
      call.finish()
      throw error
    }
    const failure = call.finish(getTRPCErrorFromUnknown(error))
    throw failure ? toTrpcError(failure) : error
  } finally {
    // The caller's leaving ends a generator at its `yield`, past everything but this.
    if (!ended) call.finish(new TRPCError({ code: 'CLIENT_CLOSED_REQUEST' }))
    // Not waited for: a generator that waits for something itself ends only after that.
    within(scope, async () => iterator.return?.()).catch(() => {})
  }
}
