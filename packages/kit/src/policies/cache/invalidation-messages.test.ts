import fc from 'fast-check'
import { expect, test } from 'vitest'

import { fromMessage, toMessages } from './invalidation-messages.ts'

test('each message is short enough for Postgres, and together they say all tags or everything', () => {
  const tag = fc
    .tuple(fc.constantFrom('a', 'é', '"', '\0', '\ud800'), fc.nat(2_000))
    .map(([unit, length]) => unit.repeat(length))
  fc.assert(
    fc.property(fc.array(tag, { maxLength: 30 }), (tags) => {
      const messages = toMessages(tags)
      expect(messages.length).toBeLessThanOrEqual(4)
      expect(Math.max(0, ...messages.map((text) => Buffer.byteLength(text)))).toBeLessThan(8_000)
      const told = messages.map(fromMessage)
      const few = Buffer.byteLength(JSON.stringify(tags)) < 7_000
      expect(told.flat()).toEqual(few || !told.includes('all') ? tags : ['all'])
    }),
  )
})

test('everything is told as everything', () => {
  expect(toMessages('all').map(fromMessage)).toEqual(['all'])
})
