/** Most bytes of one character of a text in JSON: a control character is `\u001f`. */
const BYTES_A_CHARACTER = 6

/** Most bytes of what is no text: a number of all digits, with its sign and exponent. */
const BYTES_A_VALUE = 25

/** Bytes around a text, a key, a list or an object: two quotes or brackets, a comma or a colon. */
const BYTES_AROUND = 3

/**
 * Whether a JSON value is longer than so many bytes. Of nearly all it is seen that they cannot be,
 * without writing them down; only one that could be longer is measured.
 */
export function isLargerThan(value: unknown, bytes: number): boolean {
  return couldTake(value, bytes) && Buffer.byteLength(JSON.stringify(value)) > bytes
}

/** By the most that each part may take; it looks no further than it has to. */
function couldTake(value: unknown, bytes: number): boolean {
  let left = bytes
  const rest = [value]
  while (rest.length > 0 && left >= 0) {
    const next = rest.pop()
    if (typeof next === 'string') left -= next.length * BYTES_A_CHARACTER
    else if (typeof next !== 'object' || next === null) left -= BYTES_A_VALUE
    else if (Array.isArray(next)) for (const item of next) rest.push(item)
    else if (isRecord(next)) {
      for (const key of Object.keys(next)) {
        left -= key.length * BYTES_A_CHARACTER + BYTES_AROUND
        rest.push(next[key])
      }
    }
    left -= BYTES_AROUND
  }
  return left < 0
}

/** In JSON there is nothing else than lists. */
function isRecord(value: object): value is Record<string, unknown> {
  return !Array.isArray(value)
}
