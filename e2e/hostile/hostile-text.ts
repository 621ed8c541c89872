import fc from 'fast-check'

/**
 * Stands in values of inputs and nowhere else: an error that shows it has echoed its input. Never in
 * the name of a field, since the name of one that is not known is told back.
 */
export const MARKER = 'zqxMarker'

/** Text that some layer may take for more than text. None of it looks like our own insides. */
const TRICKS = [
  "' or 1=1; --",
  "'); drop table item; --",
  '$1',
  '\\x00',
  '%s%n%00',
  '${7*7}{{7*7}}',
  '<script>alert(1)</script>',
  '..\\..\\..\\secret',
  '\r\nSet-Cookie: a=b',
  '\u202Eesrever\u202C',
  '\u200B\uFEFF\u2028',
  'ﷺ',
  '👩‍👩‍👧‍👦🏳️‍🌈',
  'Z͑ͫ̓ͪ̂ͫ̽',
  'İıſK',
  '__proto__',
  'constructor',
  'null',
  'NaN',
  '1e400',
  '-0',
  '',
  ' ',
]

/** Long enough for what a missing bound would break: an index takes 2,704 bytes. */
const LONGEST = 5_000

/** Well-formed text without NUL, of these lengths in UTF-16 units. */
export function hostileText(minLength: number, maxLength: number): fc.Arbitrary<string> {
  const most = Math.min(maxLength, LONGEST)
  const text = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...TRICKS) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
    { weight: 1, arbitrary: fc.string({ minLength: most, maxLength: most }) },
  )
  return fc.tuple(text, fc.uuid(), fc.integer({ min: 0, max: 2 })).map(([part, id, place]) => {
    const whole = [part + MARKER, MARKER + part, part + id][place] ?? part
    const padded = whole.replaceAll('\0', '').padEnd(minLength, id)
    return padded.slice(0, most).toWellFormed()
  })
}

/** A value that no schema of ours asks for, or not there. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -0, -1, 0.5, 2 ** 31, 2 ** 53, 1e308, '', [], {}),
  fc.constantFrom<unknown>(undefined, 5n, -1n, 2n ** 63n, 2n ** 64n, new Date(0), [[]], ['']),
  fc.constantFrom<unknown>(MARKER, [MARKER], { id: MARKER }, { $ne: null }, { length: -1 }),
  fc.constantFrom<unknown>({ toString: MARKER }, { toJSON: null }, '9'.repeat(99)),
  hostileText(0, 2_000),
)
