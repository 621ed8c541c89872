import { createHash } from 'node:crypto'

import { commonErrors, Failure } from '@tautline/shared'

/** 1 to 255 printable ASCII characters. */
const KEY = /^[\x20-\x7e]{1,255}$/

/** Throws `BAD_INPUT` for what cannot be a key. */
export function checkKey(key: string): void {
  if (KEY.test(key)) return
  throw new Failure(commonErrors.BAD_INPUT, {
    issues: [
      {
        path: ['idempotencyKey'],
        code: 'bad_key',
        message: 'A key has 1 to 255 printable ASCII characters.',
      },
    ],
  })
}

/**
 * SHA-256 of a procedure and its input as it came over the wire: the text of its JSON, empty for
 * none. White space and the order of fields make no difference. Decoded values never come into it:
 * their shape may change with a release, while a client still tries again.
 *
 * Throws a `SyntaxError` for what is not JSON.
 */
export function fingerprintOf(procedure: string, inputText: string): Uint8Array {
  const canonical = inputText === '' ? '' : canonicalJson(JSON.parse(inputText))
  return createHash('sha256').update(`${procedure}\n${canonical}`).digest()
}

/** Of what `JSON.parse` gives. A number beyond all bounds must not look like null. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    const parts = fields.map(([name, part]) => `${JSON.stringify(name)}:${canonicalJson(part)}`)
    return `{${parts.join(',')}}`
  }
  return typeof value === 'number' ? String(value) : JSON.stringify(value)
}

/** Whose key it is, and of what. */
export interface KeyOwner {
  readonly principal: string
  readonly procedure: string
  readonly key: string
}

/** What one key is known by: a name in this process, and an advisory lock among all of them. */
export interface KeyName {
  readonly text: string
  /**
   * Two int4, of a hash. Keys that share both wait for each other as if they were one, and no more
   * than that: the row decides what has happened. Any two share them once in 2^64.
   */
  readonly lock: readonly [number, number]
}

export function keyNameOf({ principal, procedure, key }: KeyOwner): KeyName {
  const text = JSON.stringify([principal, procedure, key])
  const hash = createHash('sha256').update(text).digest()
  return { text, lock: [hash.readInt32BE(0), hash.readInt32BE(4)] }
}
