import type { Transform } from 'node:stream'
import { constants, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib'

const {
  BROTLI_PARAM_LGWIN,
  BROTLI_PARAM_QUALITY,
  BROTLI_OPERATION_FLUSH,
  Z_SYNC_FLUSH,
  ZSTD_c_compressionLevel,
  ZSTD_e_flush,
} = constants

/** Brotli's window, as a power of two: in half a megabyte of rows is all that repeats itself. */
const BROTLI_WINDOW = 19

/** The best first. Each at a level at which it is about as fast as the rows come. */
const compressors = {
  zstd: {
    open: () => createZstdCompress({ params: { [ZSTD_c_compressionLevel]: 3 } }),
    flush: ZSTD_e_flush,
  },
  br: {
    open: () =>
      createBrotliCompress({
        params: { [BROTLI_PARAM_QUALITY]: 3, [BROTLI_PARAM_LGWIN]: BROTLI_WINDOW },
      }),
    flush: BROTLI_OPERATION_FLUSH,
  },
  gzip: { open: () => createGzip({ level: 4 }), flush: Z_SYNC_FLUSH },
}

const PREFERRED = ['zstd', 'br', 'gzip'] as const

/** A content coding; `identity` is none. */
export type Encoding = (typeof PREFERRED)[number] | 'identity'

/** The best coding that a reader takes, by its `Accept-Encoding` (RFC 9110, 12.5.3). */
export function acceptedEncoding(header: string | undefined): Encoding {
  const weights = new Map(
    (header ?? '').split(',').map((part): [string, number] => {
      const [coding = '', ...parameters] = part.toLowerCase().split(';')
      const [, weight = '1'] = /^\s*q\s*=\s*([\d.]+)\s*$/.exec(parameters.join(';')) ?? []
      return [coding.trim(), Number(weight)]
    }),
  )
  const accepts = (coding: string) => (weights.get(coding) ?? weights.get('*') ?? 0) > 0
  return PREFERRED.find(accepts) ?? 'identity'
}

/** Makes a body smaller on its way. */
export interface Compressor {
  readonly stream: Transform
  /** Lets out what was written: a reader sees it now, and not when there is enough for a block. */
  readonly flush: () => void
}

export function openCompressor(encoding: Encoding): Compressor | undefined {
  if (encoding === 'identity') return undefined
  const { open, flush } = compressors[encoding]
  const stream = open()
  return { stream, flush: () => stream.flush(flush) }
}
