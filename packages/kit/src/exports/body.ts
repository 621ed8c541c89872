import type { ServerResponse } from 'node:http'
import { finished } from 'node:stream/promises'

import { commonErrors, Failure } from '@tautline/shared'

import { orAborted } from '../platform/abort.ts'
import { openCompressor, type Encoding } from './encodings.ts'

export interface BodyOptions {
  readonly encoding: Encoding
  /** Ends all waiting, with its reason. */
  readonly signal: AbortSignal
  /** A reader who takes nothing for so long is given up, in milliseconds. */
  readonly stallTimeoutMs: number
  /** Told why the body cannot go on, where nobody waits for it. */
  readonly giveUp: (failure: Failure) => void
}

/** A body that is sent piece by piece, as its reader takes it. */
export interface Body {
  /** Sends a piece. Resolves when the next one is welcome: until then nothing may be added. */
  write(piece: Buffer): Promise<void>
  /** Resolves when all of it has gone to the network. */
  end(): Promise<void>
}

/** Begins the body of a response, whose headers are set. */
export function openBody(response: ServerResponse, options: BodyOptions): Body {
  const { encoding, signal, stallTimeoutMs, giveUp } = options
  const compressor = openCompressor(encoding)
  const target = compressor?.stream ?? response
  response.on('timeout', () => giveUp(new Failure(commonErrors.DEADLINE_EXCEEDED)))
  if (compressor) {
    compressor.stream.pipe(response)
    compressor.stream.on('error', (error) =>
      giveUp(new Failure(commonErrors.INTERNAL, { cause: error })),
    )
    response.once('close', () => compressor.stream.destroy())
  }

  /** Only while we wait for the reader, not they for us. A write that goes on, however slowly, counts. */
  async function whileReading<T>(waiting: Promise<T>): Promise<T> {
    response.setTimeout(stallTimeoutMs)
    try {
      return await orAborted(waiting, signal)
    } finally {
      response.setTimeout(0)
    }
  }

  return {
    async write(piece) {
      const isWelcome = target.write(piece)
      compressor?.flush()
      if (isWelcome) return
      const { promise, resolve } = Promise.withResolvers<void>()
      target.once('drain', resolve)
      await whileReading(promise)
    },
    async end() {
      target.end()
      await whileReading(finished(response))
    },
  }
}
