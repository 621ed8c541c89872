import { pipeline, type Readable, type Transform } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib'

import { Failure } from '@tautline/shared'

import { UPSTREAM_INVALID, UPSTREAM_TOO_LARGE } from './failures.ts'

/** What is asked for, best first. */
export const ACCEPT_ENCODING = 'zstd, br, gzip, deflate'

/** Encodings on top of each other at most; honest servers use one. */
const MAX_ENCODINGS = 2

/** Memory that a zstd stream may ask for, as a power of two: what browsers give it (RFC 9659). */
const ZSTD_WINDOW_LOG = 23

/** Decoders take in a little, give out a little and wait: what they hold does not grow. */
const decoders: Readonly<Record<string, () => Transform>> = {
  br: () => createBrotliDecompress(),
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  deflate: () => createInflate(),
  zstd: () =>
    createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } }),
}

export interface BodyOptions {
  /** The `Content-Encoding` header. */
  readonly encoding: string
  /** Bytes at most, after decompression. */
  readonly maxBytes: number
}

/**
 * All of a body, decompressed. What is over the limit is never held: the stream is destroyed, and
 * its connection with it. Throws `UPSTREAM_TOO_LARGE`; `UPSTREAM_INVALID` for an encoding that is
 * broken or unknown; what the body fails with.
 */
export async function readBody(body: Readable, options: BodyOptions): Promise<Buffer> {
  const { maxBytes } = options
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of decoded(body, options.encoding)) {
    size += chunk.length
    if (size > maxBytes) throw new Failure(UPSTREAM_TOO_LARGE)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

function decoded(body: Readable, header: string): AsyncIterable<Buffer> {
  const layers = header
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity')
    .map((name) => (Object.hasOwn(decoders, name) ? decoders[name] : undefined))
    .toReversed() // the last one was put on last
  if (layers.length === 0) return body
  if (layers.length > MAX_ENCODINGS) throw invalid(body, `Too many encodings: ${header}`)
  const streams: Transform[] = []
  for (const create of layers) {
    if (!create) throw invalid(body, `Unknown encoding: ${header}`)
    streams.push(create())
  }
  return decodedBy(body, streams)
}

async function* decodedBy(body: Readable, streams: Transform[]): AsyncGenerator<Buffer> {
  const last = pipeline([body, ...streams], () => {}) // the loop meets the error
  let arrived = true
  body.once('error', () => (arrived = false))
  try {
    // oxlint-disable-next-line typescript/consistent-type-assertions -- zlib gives bytes
    yield* last as unknown as AsyncIterable<Buffer>
  } catch (error) {
    if (arrived) throw new Failure(UPSTREAM_INVALID, { cause: error })
    throw error
  }
}

function invalid(body: Readable, message: string): Failure {
  body.destroy()
  return new Failure(UPSTREAM_INVALID, { cause: new Error(message) })
}
