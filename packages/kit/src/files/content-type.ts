import { createUtf8Check } from './utf8-check.ts'

/** What a kind of file begins with: text of one byte a character, and where it stands. */
type Signature = readonly [contentType: string, ...parts: (readonly [at: number, text: string])[]]

/** Kinds that nobody mistakes for another, nor for text. */
const SIGNATURES: readonly Signature[] = [
  ['image/png', [0, '\x89PNG\r\n\x1a\n']],
  ['image/jpeg', [0, '\xff\xd8\xff']],
  ['image/gif', [0, 'GIF87a']],
  ['image/gif', [0, 'GIF89a']],
  ['image/webp', [0, 'RIFF'], [8, 'WEBP']],
  ['image/avif', [4, 'ftypavif']],
  ['image/avif', [4, 'ftypavis']],
  ['image/heic', [4, 'ftyphei']],
  ['image/heif', [4, 'ftypmif1']],
  ['image/tiff', [0, 'II*\0']],
  ['image/tiff', [0, 'MM\0*']],
  ['application/pdf', [0, '%PDF-']],
  ['application/zip', [0, 'PK\x03\x04']],
  ['application/zip', [0, 'PK\x05\x06']],
  ['application/gzip', [0, '\x1f\x8b\x08']],
  ['application/zstd', [0, '\x28\xb5\x2f\xfd']],
  ['audio/wav', [0, 'RIFF'], [8, 'WAVE']],
  ['audio/flac', [0, 'fLaC\0']],
  ['audio/mpeg', [0, 'ID3\x03']],
  ['audio/mpeg', [0, 'ID3\x04']],
  ['audio/ogg', [0, 'OggS\0']],
  ['audio/mp4', [4, 'ftypM4A ']],
  ['video/mp4', [4, 'ftypisom']],
  ['video/mp4', [4, 'ftypiso2']],
  ['video/mp4', [4, 'ftypmp4']],
  ['video/mp4', [4, 'ftypM4V ']],
  ['video/quicktime', [4, 'ftypqt  ']],
  ['video/webm', [0, '\x1aE\xdf\xa3']],
]

/** So many bytes from the beginning tell. */
const HEAD_BYTES = 16

/** Text is told by all of its bytes. It is never told what kind: a browser would run some of them. */
const TEXT = 'text/plain'

const ANYTHING = 'application/octet-stream'

/** Finds out what a file is by its bytes, as they come. */
export interface ContentSniffer {
  add(chunk: Uint8Array): void
  /** What it is by the bytes so far. */
  readonly contentType: string
}

export function createContentSniffer(): ContentSniffer {
  const text = createUtf8Check()
  let head = Buffer.alloc(0)
  return {
    add(chunk) {
      const missing = HEAD_BYTES - head.length
      if (missing > 0) head = Buffer.concat([head, chunk.subarray(0, missing)])
      text.add(chunk)
    },
    get contentType() {
      if (head.length === 0) return ANYTHING
      return kindOf(head.toString('latin1')) ?? (text.isText ? TEXT : ANYTHING)
    },
  }
}

function kindOf(head: string): string | undefined {
  const found = SIGNATURES.find(([, ...parts]) =>
    parts.every(([at, text]) => head.startsWith(text, at)),
  )
  return found?.[0]
}
