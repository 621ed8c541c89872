import fc from 'fast-check'
import { z } from 'zod'

import { hostileText } from './hostile-text.ts'
import { boundsOf, type Bounds } from './schema-bounds.ts'

/** Values that exist. */
export interface Known {
  /** Those for the field of this name; empty where any value will do. */
  readonly of: (field: string) => readonly unknown[]
  /** Whether nothing else is taken where there are some. */
  readonly only: boolean
}

/** Longest list that is generated; what is longer is made of a valid one. */
const MAX_ITEMS = 5

/** How often a value is taken that exists, to one that is only valid. */
const KNOWN_TO_GENERATED = 3

/**
 * Inputs that a schema accepts and that are as odd as it allows. Walks the schema itself, so that a
 * new procedure is covered by its definition. Throws for a kind of schema that it does not know.
 */
export function validInput(schema: z.core.$ZodType, known: Known): fc.Arbitrary<unknown> {
  return fits(schema, generated(schema, known))
}

/** Checks, refinements and overwrites are the schema's own word: what it refuses is left out. */
function fits(schema: z.core.$ZodType, values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return values.filter((value) => z.safeParse(schema, value).success)
}

function generated(schema: z.core.$ZodType, known: Known): fc.Arbitrary<unknown> {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- $ZodTypes is the closed union of all kinds
  const { def } = (schema as z.core.$ZodTypes)._zod
  switch (def.type) {
    case 'object':
      return objects(def.shape, known)
    case 'array': {
      const { min = 0, max = MAX_ITEMS } = boundsOf(def)
      return fc.array(validInput(def.element, known), {
        minLength: Math.min(Number(min), MAX_ITEMS),
        maxLength: Math.min(Number(max), MAX_ITEMS),
      })
    }
    case 'record':
      return fc.dictionary(
        validInput(def.keyType, known).filter((key) => typeof key === 'string'),
        validInput(def.valueType, known),
        { maxKeys: MAX_ITEMS, noNullPrototype: true },
      )
    case 'optional':
    case 'default':
    case 'prefault':
      return fc.oneof(
        { weight: 4, arbitrary: validInput(def.innerType, known) },
        { weight: 1, arbitrary: fc.constant(undefined) },
      )
    case 'nullable':
      return fc.option(validInput(def.innerType, known))
    case 'pipe':
      return fits(schema, fc.oneof(...halves(def).map((half) => validInput(half, known))))
    case 'union':
      return fc.oneof(...def.options.map((option) => validInput(option, known)))
    case 'enum':
      return fc.constantFrom(...Object.values(def.entries))
    case 'literal':
      return fc.constantFrom<unknown>(...def.values)
    case 'string':
      return strings(boundsOf(def))
    case 'number':
      return numbers(boundsOf(def))
    case 'bigint':
      return fc.bigInt(range(boundsOf(def), BigInt))
    case 'boolean':
      return fc.boolean()
    case 'date':
      return fc.date({ noInvalidDate: true })
    case 'void':
    case 'undefined':
      return fc.constant(undefined)
    default:
      throw new Error(`The generator knows no schema of type ${def.type}; teach it.`)
  }
}

function objects(shape: z.core.$ZodShape, known: Known): fc.Arbitrary<unknown> {
  const fields = Object.entries(shape).map(([field, schema]) => {
    const values = known.of(field).filter((value) => z.safeParse(schema, value).success)
    const some = validInput(schema, known)
    const arbitrary =
      values.length === 0
        ? some
        : fc.oneof(
            { weight: KNOWN_TO_GENERATED, arbitrary: fc.constantFrom(...values) },
            { weight: known.only ? 0 : 1, arbitrary: some },
          )
    return [field, arbitrary] as const
  })
  return fc.record(Object.fromEntries(fields), { noNullPrototype: true })
}

/** What is worth trying of a pipe: both ends, unless the second one only computes. */
function halves({ in: first, out }: z.core.$ZodPipeDef): z.core.$ZodType[] {
  return out._zod.def.type === 'transform' ? [first] : [first, out]
}

function strings({ format, pattern, min = 0, max = Infinity }: Bounds): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid()
  if (format === 'email') return emails
  if (pattern) return fc.stringMatching(pattern)
  return hostileText(Number(min), Number(max))
}

function numbers(bounds: Bounds): fc.Arbitrary<number> {
  const ends = range(bounds, Number)
  return bounds.format === undefined
    ? fc.double({ noNaN: true, noDefaultInfinity: true, ...ends })
    : fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, ...ends })
}

const emails = fc
  .tuple(fc.uuid(), fc.constantFrom('example.com', 'EXAMPLE.Com', 'a-b.example'))
  .map(([name, host]) => `${name}+'a@${host}`)

function range<T extends number | bigint>(
  { min, max }: Bounds,
  convert: (value: number | bigint) => T,
) {
  return {
    ...(min !== undefined && { min: convert(min) }),
    ...(max !== undefined && { max: convert(max) }),
  }
}
