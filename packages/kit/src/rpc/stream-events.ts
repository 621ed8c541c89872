import { getTRPCErrorFromUnknown, isTrackedEnvelope, tracked } from '@trpc/server'
import type { z } from 'zod'

import { within } from '../platform/call-scope.ts'
import type { RunningCall } from './call.ts'
import { toTrpcError } from './trpc.ts'

/**
 * Passes each event through its schema and keeps the generator inside its call, whose one log line
 * is written when the last event is out, the caller has gone, or the generator failed.
 */
export async function* streamEvents<O extends z.ZodType>(
  events: AsyncIterable<unknown>,
  schema: O,
  call: RunningCall,
): AsyncGenerator<unknown, void> {
  const iterator = events[Symbol.asyncIterator]()
  const { scope } = call
  try {
    for (;;) {
      const step = await within(scope, () => iterator.next())
      if (step.done === true) break
      yield isTrackedEnvelope(step.value)
        ? tracked(step.value[0], schema.parse(step.value[1]))
        : schema.parse(step.value)
    }
    call.finish()
  } catch (error) {
    const failure = call.finish(getTRPCErrorFromUnknown(error))
    throw failure ? toTrpcError(failure) : error
  } finally {
    await within(scope, async () => iterator.return?.())
  }
}
