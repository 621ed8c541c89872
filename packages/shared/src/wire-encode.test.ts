import fc from 'fast-check'
import superjson from 'superjson'
import { expect, test } from 'vitest'

import { encodePlain } from './wire-encode.ts'
import { wire } from './wire.ts'

const { container } = fc.letrec((tie) => ({
  container: fc.oneof(
    fc.array(tie('value'), { maxLength: 4 }),
    // Few characters, so that dots, backslashes and empty keys come often.
    fc.dictionary(fc.string({ unit: fc.constantFrom('a', '.', '\\', '0') }), tie('value'), {
      maxKeys: 4,
    }),
  ),
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.bigInt(),
    fc.date(),
    fc.constant(new Map([[1, 2]])),
    fc.constant(/a/),
    tie('container'),
  ),
}))

test('writes what superjson writes, or leaves it to superjson', () => {
  fc.assert(
    fc.property(container, (value) => {
      const plain = encodePlain(value)
      if (!plain) return
      const { json, meta } = superjson.serialize(value)
      expect(plain).toEqual(meta?.values ? { json, meta: { values: meta.values, v: 1 } } : { json })
    }),
    { numRuns: 2_000 },
  )
})

test('encodes rows of JSON, bigints and dates', () => {
  const row = { id: 'a', price: 5n, at: new Date(0), note: undefined, tags: ['b', null, 1.5, true] }
  const payload = encodePlain({ rows: [row] })
  expect(payload).toEqual(superjson.serialize({ rows: [row] }))
})

const shared = { a: 1 }
const loop: Record<string, unknown> = {}
loop.self = loop

test.each([
  ['an object in two places', { a: shared, b: shared }],
  ['an object that contains itself', loop],
  ['a date that is none', [new Date(Number.NaN)]],
  ['NaN', [Number.NaN]],
  ['-0', [-0]],
  ['another class', [new Map()]],
  ['a function', [() => {}]],
  ['a key that superjson refuses', { constructor: 1 }],
  ['no object', 5n],
])('leaves %s to superjson', (_, value) => {
  expect(encodePlain(value)).toBeUndefined()
})

test('an output keeps which of its objects are one', () => {
  const payload = wire.output.serialize({ a: shared, b: shared })
  expect(payload).toEqual(superjson.serialize({ a: shared, b: shared }))
})
