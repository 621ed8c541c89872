import { expect, test } from 'vitest'

import { checkRow } from './import-rows.ts'

const rope = { sku: 'rope', name: 'Rope', quantity: 2, priceMinor: 1_990n }
const cells = { sku: 'rope', name: 'Rope', quantity: '2', priceMinor: '1990' }

test.each([
  ['cells of a table', cells, rope],
  ['numbers of JSON', { ...cells, quantity: 2, priceMinor: 1990 }, rope],
  ['a price as text, as an export tells it', { ...cells, quantity: 2 }, rope],
  ['no quantity', { sku: 'rope', name: 'Rope', priceMinor: '1990' }, { ...rope, quantity: 0 }],
  ['an empty quantity', { ...cells, quantity: '' }, { ...rope, quantity: 0 }],
  [
    'what an export tells beside',
    { ...cells, id: 'x', version: '7', createdAt: 'x', updatedAt: 'x' },
    rope,
  ],
  [
    'the largest price',
    { ...cells, priceMinor: '9223372036854775807' },
    { ...rope, priceMinor: 2n ** 63n - 1n },
  ],
  ['a sign', { ...cells, quantity: '+2', priceMinor: '+1990' }, rope],
  ['letters that are composed', { ...cells, name: 'O\u0308se' }, { ...rope, name: 'Öse' }],
])('a row may have %s', (_, fields, item) => {
  expect(checkRow(fields)).toEqual({ item })
})

test.each([
  [{ ...cells, sku: '' }, 'sku: Too small: expected string to have >=1 characters'],
  [{ ...cells, sku: 'x'.repeat(65) }, 'sku: Too big: expected string to have <=64 characters'],
  [{ name: 'Rope', priceMinor: '1' }, 'sku: is missing'],
  [{ ...cells, name: 7 }, 'name: is no text'],
  [{ ...cells, quantity: '2.5' }, 'quantity: is no whole number'],
  [{ ...cells, quantity: ' 2' }, 'quantity: is no whole number'],
  [{ ...cells, quantity: '0x2' }, 'quantity: is no whole number'],
  [{ ...cells, quantity: '-1' }, 'quantity: Too small: expected number to be >=0'],
  [{ ...cells, quantity: null }, 'quantity: is no whole number'],
  [{ ...cells, priceMinor: '' }, 'priceMinor: is missing'],
  [{ ...cells, priceMinor: '19.90' }, 'priceMinor: is no whole number'],
  [{ ...cells, priceMinor: 19.9 }, 'priceMinor: is no whole number'],
  [{ ...cells, priceMinor: true }, 'priceMinor: is no whole number'],
  [
    { ...cells, priceMinor: 2 ** 53 },
    'priceMinor: is too large for a number of JSON; write it as text',
  ],
  [
    { ...cells, priceMinor: '9223372036854775808' },
    'priceMinor: Too big: expected bigint to be <=9223372036854775807',
  ],
  [{ ...cells, name: 'a\0b' }, 'name: has a character that is no text'],
  [{ ...cells, sku: '\uD800' }, 'sku: has a character that is no text'],
  [{ ...cells, 'co\nlour': 'red' }, 'no such field: co?lour'],
  [
    { name: 'x', quantity: 'x' },
    'sku: is missing; quantity: is no whole number; priceMinor: is missing',
  ],
])('%o is no item', (fields, problem) => {
  expect(checkRow(fields)).toEqual({ problem })
})

test('what is said of a row is short, whatever the row is', () => {
  const fields = Object.fromEntries(Array.from({ length: 999 }, (_, n) => [`${n}`.repeat(99), n]))
  expect(checkRow(fields).problem?.length).toBeLessThanOrEqual(300)
})
