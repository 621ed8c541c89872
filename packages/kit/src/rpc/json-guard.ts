import type { Failure } from '@tautline/shared'

import { badInput } from '../platform/bad-input.ts'

/** Deeper JSON than this is nobody's input. */
const MAX_DEPTH = 32

/** Values allowed whatever the size of the body. */
const BASE_NODES = 100_000

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/**
 * Refuses JSON that is deeper, or has more values, than an honest input; one pass over the text,
 * nothing is built. What is not JSON at all is left to `JSON.parse`. Throws `BAD_INPUT`.
 */
export function checkJsonShape(text: string, maxBytes: number): void {
  const maxNodes = Math.max(BASE_NODES, maxBytes / 10)
  let depth = 0
  let nodes = 1
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i)
        break
      case COMMA:
        nodes++
        break
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth++
        nodes++
        break
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--
        break
      default:
    }
    if (depth > MAX_DEPTH) throw tooComplex('too_deep', `JSON nests at most ${MAX_DEPTH} levels.`)
    if (nodes > maxNodes) throw tooComplex('too_many_values', 'The input has too many values.')
  }
}

/** Index of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
  }
  return text.length
}

function tooComplex(code: string, message: string): Failure {
  return badInput([{ path: [], code, message }])
}
