import fc from 'fast-check'
import superjson from 'superjson'
import { describe, expect, test } from 'vitest'

import { WireError } from './wire-values.ts'
import { wire } from './wire.ts'

/** Anything that an input may carry. */
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
    fc.date({ noInvalidDate: true }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((key) => !['__proto__', 'constructor', 'prototype'].includes(key)),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value

const overTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('the wire of inputs', () => {
  test('reads what our client writes', () => {
    fc.assert(
      fc.property(values, (value) => {
        fc.pre(!hasNegativeZero(value))
        const sent = overTheWire(wire.input.serialize(value))
        expect(wire.input.deserialize(sent)).toStrictEqual(value)
      }),
      { numRuns: 500 },
    )
  })

  test('reads what a stock superjson client writes', () => {
    fc.assert(
      fc.property(values, (value) => {
        fc.pre(!hasNegativeZero(value))
        const sent = overTheWire(superjson.serialize(value))
        expect(wire.input.deserialize(sent)).toStrictEqual(value)
      }),
      { numRuns: 500 },
    )
  })

  test('sends a value in full wherever it stands', () => {
    const shared = { at: new Date(0) }
    const sent = overTheWire(wire.input.serialize({ a: shared, b: shared }))
    expect(wire.input.deserialize(sent)).toEqual({ a: shared, b: shared })
  })

  test('refuses to send a value that contains itself', () => {
    const loop: Record<string, unknown> = {}
    loop.self = loop
    expect(() => wire.input.serialize(loop)).toThrow(WireError)
  })

  test('survives any JSON with any annotations, and touches no prototype', () => {
    const payload = fc.record({
      json: fc.jsonValue(),
      meta: fc.record({ values: fc.jsonValue(), referentialEqualities: fc.jsonValue() }),
    })
    fc.assert(
      fc.property(payload, (sent) => {
        const error = errorOf(() => wire.input.deserialize(overTheWire(sent)))
        expect(error === undefined || error instanceof WireError).toBe(true)
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })
})

function errorOf(run: () => unknown): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error
  }
}

/** JSON has no -0, and inputs do not need one. */
function hasNegativeZero(value: unknown): boolean {
  if (Object.is(value, -0)) return true
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some(hasNegativeZero)
}
