import fc from 'fast-check'

import { anyValue, MARKER } from './hostile-text.ts'

type Path = readonly string[]

/** A change of one value inside an input, chosen by a number. */
type Change = (value: unknown) => unknown

/** Every place inside a value, the root included. */
function placesOf(value: unknown, path: Path = []): Path[] {
  if (!isContainer(value)) return [path]
  return [path, ...Object.keys(value).flatMap((key) => placesOf(value[key], [...path, key]))]
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Date)
}

/** A copy with one value changed. */
function changedAt(value: unknown, path: Path, change: Change): unknown {
  const [key, ...rest] = path
  if (key === undefined || !isContainer(value)) return change(value)
  const inner = changedAt(value[key], rest, change)
  if (Array.isArray(value)) return value.with(Number(key), inner)
  return { ...value, [key]: inner }
}

/** Inputs with one value changed somewhere. */
function withChange(
  inputs: fc.Arbitrary<unknown>,
  changes: fc.Arbitrary<Change>,
): fc.Arbitrary<unknown> {
  return fc.tuple(inputs, fc.nat(), changes).map(([input, choice, change]) => {
    const places = placesOf(input)
    return changedAt(input, places[choice % places.length] ?? [], change)
  })
}

/** A little beside what is valid: one field too many or too few, one bound overstepped. */
const slips: Change[] = [
  (value) => (isContainer(value) ? { ...value, extra: MARKER } : undefined),
  (value) => (isContainer(value) ? Object.fromEntries(Object.entries(value).slice(1)) : null),
  (value) => (isContainer(value) ? { ...value, [`key ${'k'.repeat(200)}`]: 1 } : ''),
  (value) => (typeof value === 'string' ? `${value} ` : value),
  (value) => (typeof value === 'string' ? MARKER + 'x'.repeat(6_000) : value),
  (value) => (typeof value === 'number' ? value + 0.5 : value),
  (value) => (typeof value === 'number' ? -value - 1 : value),
  (value) => (typeof value === 'number' ? 2 ** 53 : value),
  (value) => (typeof value === 'bigint' ? value + 2n ** 63n : value),
  (value) => (typeof value === 'bigint' ? -1n - value : value),
  (value) => (Array.isArray(value) ? [] : [value]),
]

export function nearValid(inputs: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return withChange(inputs, fc.constantFrom(...slips))
}

/** One value is of another type. */
export function typeSwapped(inputs: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return withChange(
    inputs,
    anyValue.map((other) => () => other),
  )
}

function nested(depth: number, wrap: Change, core: unknown): unknown {
  let value = core
  for (let level = 0; level < depth; level++) value = wrap(value)
  return value
}

/** One value is very deep, up to what a client can write. */
export function deep(inputs: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const depths = fc.constantFrom(10, 29, 30, 31, 32, 33, 200, 1_000)
  const wraps = fc.constantFrom<Change>(
    (value) => [value],
    (value) => ({ a: value }),
    (value) => ({ id: value }),
  )
  return withChange(
    inputs,
    fc.tuple(depths, wraps).map(
      ([depth, wrap]) =>
        (value) =>
          nested(depth, wrap, value),
    ),
  )
}

/** One value is very large: mostly below the limit of a body, now and then above it. */
export function huge(inputs: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const sizes = fc.constantFrom(1_000, 1_000, 10_000, 10_000, 10_000, 100_000, 100_000, 1_100_000)
  const grow = fc.constantFrom<(size: number) => Change>(
    (size) => (value) => String(value) + MARKER.repeat(size / MARKER.length),
    (size) => () => '👩‍👩‍👧‍👦'.repeat(size / 25),
    (size) => (value) => Array.from({ length: size / 10 }, () => (isContainer(value) ? 0 : value)),
    (size) => () => Object.fromEntries(Array.from({ length: size / 20 }, (_, n) => [`k${n}`, n])),
    (size) => (value) => (Array.isArray(value) ? Array(size / 200).fill(value[0]) : size),
  )
  return withChange(
    inputs,
    fc.tuple(sizes, grow).map(([size, of]) => of(size)),
  )
}
