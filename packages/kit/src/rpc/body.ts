import type { IncomingMessage } from 'node:http'

import { commonErrors, Failure } from '@tautline/shared'

import { badInput } from '../platform/bad-input.ts'
import type { BodyIntake } from './body-budget.ts'

/**
 * Reads a request body as text, before anything is started for it: an aborted body then holds
 * nothing. Throws `PAYLOAD_TOO_LARGE` beyond `maxBytes`, `OVERLOADED` where `intake` has no room,
 * `BAD_INPUT` for what is not UTF-8, and whatever the socket says when the caller goes away.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  intake: Pick<BodyIntake, 'take'>,
): Promise<string> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > maxBytes) throw new Failure(commonErrors.PAYLOAD_TOO_LARGE)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of bytesOf(request)) {
    size += chunk.length
    if (size > maxBytes) throw new Failure(commonErrors.PAYLOAD_TOO_LARGE)
    intake.take(chunk.length)
    chunks.push(chunk)
  }
  return decode(Buffer.concat(chunks, size))
}

/** The chunks of a body; leaving the loop early keeps the socket, so that the refusal can be sent. */
function bytesOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false })
}

/** JavaScript's decoders replace broken bytes in silence unless they are told not to. */
const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw badInput([{ path: [], code: 'not_utf8', message: 'The body is not UTF-8.' }])
  }
}

/** After a refusal: how much of an unread body is taken in, and how long, before the socket goes. */
const GRACE = { bytes: 256_000, ms: 1_000 }

/**
 * Lets a caller who is still sending read the answer, and then says that it is time to close on it. A
 * socket that closes with unread bytes is reset, and the reset may overtake the answer.
 */
export function discardBody(request: IncomingMessage, onEnd: () => void): void {
  let discarded = 0
  const timer = setTimeout(onEnd, GRACE.ms)
  request.once('close', () => {
    clearTimeout(timer)
    onEnd()
  })
  request.on('data', (chunk: Buffer) => {
    discarded += chunk.length
    if (discarded > GRACE.bytes) request.pause()
  })
}
