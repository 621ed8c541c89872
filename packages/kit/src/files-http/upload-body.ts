import type { IncomingMessage } from 'node:http'

import { commonErrors, Failure } from '@tautline/shared'

import { orAborted } from '../platform/abort.ts'
import { watchStall, type StallOptions } from './stall-watch.ts'

export interface UploadBodyOptions extends StallOptions {
  /** Ends it, with its reason. */
  readonly signal: AbortSignal
}

/**
 * The bytes of a body, as they come and no sooner than they are asked for. Whoever leaves before the
 * end fails it with `CLIENT_CLOSED_REQUEST`. Giving up early keeps the socket, so that a refusal can be
 * sent.
 */
export async function* uploadBody(
  request: IncomingMessage,
  { signal, ...stall }: UploadBodyOptions,
): AsyncGenerator<Buffer, void> {
  using waiting = watchStall(stall)
  const chunks: AsyncIterator<Buffer> = request.iterator({ destroyOnReturn: false })
  try {
    for (;;) {
      waiting.begin()
      const step = await orAborted(chunks.next(), signal)
      if (step.done === true) return
      waiting.end(step.value.length)
      yield step.value
    }
  } catch (error) {
    throw request.destroyed && !request.complete && !signal.aborted
      ? new Failure(commonErrors.CLIENT_CLOSED_REQUEST, { cause: error })
      : error
  } finally {
    chunks.return?.().catch(() => {}) // one that still waits ends with the request
  }
}
