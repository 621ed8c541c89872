import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

import { commonErrors, Failure } from '@tautline/shared'

/** The largest page anybody gets. */
export const MAX_PAGE_SIZE = 100

/** One page of a list, and the cursor of the next one when there is one. */
export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

/** Reads and writes the cursors of one list. */
export interface Cursors {
  /** The sort keys of the last row seen. Throws `BAD_INPUT` for a cursor that is not of this list. */
  open(cursor: string): string[]
  seal(keys: readonly string[]): string
}

/** What a cursor is good for: it is refused for anything else. */
export interface CursorBinding {
  readonly procedure: string
  readonly principal: string
  /** The filter of the list; anything that JSON can say. */
  readonly filter: unknown
}

/**
 * Opaque signed cursors: base64url of the sort keys and a MAC (HMAC-SHA-256, first 16 bytes) over
 * them and the binding. Keys are SQL text, never a JavaScript `Date`, which would cut Postgres'
 * microseconds and skip rows.
 */
export function createCursors(key: Uint8Array, binding: CursorBinding): Cursors {
  const scope = createHash('sha256')
    .update(JSON.stringify([binding.procedure, binding.principal, binding.filter]))
    .digest()
  const mac = (payload: string) =>
    createHmac('sha256', key).update(scope).update(payload).digest().subarray(0, 16)

  return {
    seal(keys) {
      const payload = Buffer.from(JSON.stringify(keys)).toString('base64url')
      return `${payload}.${mac(payload).toString('base64url')}`
    },
    open(cursor) {
      const [payload = '', signature = ''] = cursor.split('.')
      const given = Buffer.from(signature, 'base64url')
      const expected = mac(payload)
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw badCursor()
      // The signature says that we wrote it.
      const keys: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
      if (!Array.isArray(keys) || !keys.every((part) => typeof part === 'string')) throw badCursor()
      return keys
    },
  }
}

function badCursor(): Failure {
  return new Failure(commonErrors.BAD_INPUT, {
    issues: [{ path: ['cursor'], code: 'bad_cursor', message: 'This cursor is not of this list.' }],
  })
}

/** Cuts the `limit + 1` rows that a list query reads into a page. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  map: { readonly item: (row: Row) => Item; readonly cursor: (row: Row) => string },
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map((row) => map.item(row)),
    nextCursor: rows.length > limit && last !== undefined ? map.cursor(last) : null,
  }
}
