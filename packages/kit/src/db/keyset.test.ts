import fc from 'fast-check'
import { expect, test } from 'vitest'

import { isFailure } from '@tautline/shared'

import { createCursors, toPage } from './keyset.ts'

const KEY = new Uint8Array(32).fill(7)
const binding = { procedure: 'items.list', principal: 'anna', filter: { tag: 'a' } }
const cursors = createCursors(KEY, binding)
const sealed = cursors.seal(['2026-11-22 05:00:00.123456+00', 'id-1'])

const refused = (open: () => unknown) => {
  try {
    open()
    return false
  } catch (error) {
    return isFailure(error) && error.reason === 'BAD_INPUT'
  }
}

test('a cursor gives back its keys to the microsecond', () => {
  expect(cursors.open(sealed)).toEqual(['2026-11-22 05:00:00.123456+00', 'id-1'])
})

test.each([
  ['another procedure', { ...binding, procedure: 'items.search' }],
  ['another caller', { ...binding, principal: 'berta' }],
  ['another filter', { ...binding, filter: { tag: 'b' } }],
])('a cursor is refused for %s', (_, other) => {
  expect(refused(() => createCursors(KEY, other).open(sealed))).toBe(true)
})

test('a cursor is refused under another key', () => {
  expect(refused(() => createCursors(new Uint8Array(32), binding).open(sealed))).toBe(true)
})

test('any other text is refused as bad input', () => {
  const accepted = (text: string) => text !== sealed && !refused(() => cursors.open(text))
  const somewhere = fc.nat(sealed.length - 2) // the last character holds bits that nobody reads
  const character = fc.string({ minLength: 1, maxLength: 1 })
  const changed = fc
    .tuple(somewhere, character)
    .map(([at, other]) => sealed.slice(0, at) + other + sealed.slice(at + 1))
  const found = fc.sample(fc.oneof(fc.string(), changed), 1_000).filter(accepted)
  expect(found).toEqual([])
})

test('a page has a cursor as long as another one follows', () => {
  const map = { item: (n: number) => n * 10, cursor: (n: number) => `after ${n}` }
  expect(toPage([1, 2, 3], 2, map)).toEqual({ items: [10, 20], nextCursor: 'after 2' })
  expect(toPage([1, 2], 2, map)).toEqual({ items: [10, 20], nextCursor: null })
  expect(toPage([], 2, map)).toEqual({ items: [], nextCursor: null })
})
