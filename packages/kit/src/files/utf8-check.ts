import { isUtf8 } from 'node:buffer'

/** Tells of bytes, as they come in pieces, whether they are text in UTF-8. */
export interface Utf8Check {
  add(chunk: Uint8Array): void
  /** Whether all so far is valid UTF-8 without a NUL, and ends with a whole character. */
  readonly isText: boolean
}

export function createUtf8Check(): Utf8Check {
  let isValid = true
  /** The first bytes of a character whose other bytes are in the next piece. */
  let begun = Buffer.alloc(0)

  /** Ends the character that has begun. Returns how many bytes of the piece it takes. */
  function endBegun(chunk: Uint8Array): number {
    const missing = begun.length === 0 ? 0 : lengthOf(begun[0] ?? 0) - begun.length
    if (missing === 0) return 0
    begun = Buffer.concat([begun, chunk.subarray(0, missing)])
    if (chunk.length >= missing) {
      isValid = isUtf8(begun)
      begun = Buffer.alloc(0)
    }
    return Math.min(missing, chunk.length)
  }

  return {
    add(chunk) {
      if (!isValid) return
      const rest = chunk.subarray(endBegun(chunk))
      if (!isValid || rest.length === 0) return
      const whole = rest.subarray(0, rest.length - unfinished(rest))
      isValid = !rest.includes(0) && isUtf8(whole)
      begun = Buffer.from(rest.subarray(whole.length)) // a copy: the piece may be used again
    },
    get isText() {
      return isValid && begun.length === 0
    },
  }
}

/** Bytes of a character, by its first one (RFC 3629, 3). */
function lengthOf(lead: number): number {
  if (lead < 0xc0) return 1
  if (lead < 0xe0) return 2
  return lead < 0xf0 ? 3 : 4
}

/** How many bytes at the end belong to a character that is not complete. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue // somewhere inside a character
    return lengthOf(byte) > back ? back : 0
  }
  return 0
}
