import fc from 'fast-check'

import { wire } from '@tautline/shared'

import { MARKER } from './hostile-text.ts'

/** A value as our client writes it. */
export function encode(value: unknown): string {
  return JSON.stringify(wire.input.serialize(value))
}

type Edit = (text: string, at: number) => string | Buffer

const insertAt = (text: string, at: number, what: string) =>
  text.slice(0, at) + what + text.slice(at)

/** Puts members at the start of the input's object; those that come after them win. */
const member = (what: string): Edit => {
  return (text) => text.replace('{"json":{', () => `{"json":{${what},`)
}

const bytesAt = (bytes: readonly number[]): Edit => {
  return (text, at) =>
    Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from(bytes), Buffer.from(text.slice(at))])
}

/** What no JSON writer writes: so it is done to the text. */
const edits: Edit[] = [
  (text) => text.replace(/"json":\{"(\w+)":/, (whole, key) => `"json":{"${key}":[1],"${key}":`),
  (text) => text.replace(/\}\}?$/, (end) => `,"id":"${MARKER}","id":1${end}`),
  (text) => text.replace('{"json":', `{"json":{"a":"${MARKER}"},"json":`),
  member(`"__proto__":{"polluted":"${MARKER}"}`),
  member('"constructor":{"prototype":{"polluted":1}}'),
  member('"\\u005f_proto__":{"polluted":1},"prototype":1'),
  (text) => `{"__proto__":{"json":${text.slice(8)}`,
  (text) => text.replace(/:(-?\d+)/, ':1e400'),
  (text) => text.replace(/:(-?\d+)/, ':-0'),
  (text) => text.replace(/:(-?\d+)/, ':-1e-400'),
  (text) => text.replace(/:(-?\d+)/, ':01'),
  (text) => text.replace(/:(-?\d+)/, ':NaN'),
  (text) => text.replace(/:(-?\d+)/, ':123456789012345678901234567890'),
  (text) => text.replace(/":"/, '":"\\u0000'),
  (text) => text.replace(/":"/, '":"\\ud800'),
  (text) => text.replace(/":"/, '":"\\udc00\\ud83d'),
  (text) => text.replace(/":"/, '":"\u0001'),
  (text) => text.replace(/":"/, '":"\\x41'),
  (text, at) => text.slice(0, at),
  (text, at) => insertAt(text, at, 'inserted'),
  (text, at) => insertAt(text, at, '\u00A0'),
  (text, at) => insertAt(text, at, '/* a */'),
  (text) => `\uFEFF${text}`,
  (text) => `${text}${text}`,
  (text) => `[${text}]`,
  (text) => text.replaceAll('"', "'"),
  (text) => Buffer.from(text, 'utf16le'),
  (text) => ' '.repeat(50_000) + text,
  () => '',
  () => 'null',
  () => '{"json":' + '['.repeat(100_000),
  () => `{"json":[${','.repeat(100_000)}]}`,
  () => `{"json":[${'1,'.repeat(100_001)}1]}`,
  () => '{"json":"' + '\\u0061'.repeat(20_000) + '"}',
  bytesAt([0xff]),
  bytesAt([0xc0, 0x80]),
  bytesAt([0xed, 0xa0, 0x80]),
  bytesAt([0xf4, 0x90, 0x80, 0x80]),
  bytesAt([0xe2, 0x82]),
  bytesAt([0x00]),
]

/** Inputs whose JSON text was tampered with. */
export function editedText(inputs: fc.Arbitrary<unknown>): fc.Arbitrary<string | Buffer> {
  return fc.tuple(inputs, fc.constantFrom(...edits), fc.nat()).map(([input, edit, at]) => {
    const text = encode(input)
    return edit(text, at % text.length)
  })
}

/** superjson's names for what JSON has no word for, the true ones and others. */
const annotations = [
  'undefined',
  'Date',
  'bigint',
  'number',
  'regexp',
  'set',
  'map',
  'Error',
  'URL',
  'constructor',
  '__proto__',
  '',
  MARKER,
  0,
  null,
  [],
  {},
  ['Date', 'Date'],
  [['Date']],
  ['class', 'User'],
  ['symbol', 'Symbol.iterator'],
  ['custom', 'Decimal'],
  ['typed-array', 'Uint8Array'],
  ['map', { 0: ['Date'] }],
].flatMap((type): unknown[] => [type, [type]])

const paths = fc.oneof(
  fc.constantFrom('', '.', '..', '\\', '\\.', '__proto__', '__proto__.polluted', 'constructor'),
  fc.constantFrom('constructor.prototype.polluted', 'a.b.c', 'length', '0', 'toString', 'id\\'),
)

/** Bodies whose annotations lie. */
export function liedAbout(inputs: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  return fc
    .tuple(inputs, fc.array(paths, { maxLength: 4 }), fc.nat(), fc.constantFrom(...annotations))
    .map(([input, strange, choice, annotation]) => {
      const payload: unknown = JSON.parse(encode(input))
      const json = isRecord(payload) ? payload.json : undefined
      const real = isRecord(json) ? Object.keys(json) : []
      const all = [...real, ...strange]
      const values = Object.fromEntries(all.map((path) => [path, annotation]))
      const one = all[choice % all.length] ?? 'id'
      const metas: unknown[] = [
        { values: { [one]: annotation } },
        { values },
        { values: annotation },
        { values: { [one]: ['bigint'] }, v: 99 },
        { referentialEqualities: { [one]: [`${one}.a`, ...all] } },
        { referentialEqualities: [all, { [one]: [one] }] },
        { referentialEqualities: { [one]: Array.from({ length: 1_000 }, (_, n) => `${one}${n}`) } },
        {
          values: Object.fromEntries(
            Array.from({ length: 2_000 }, (_, n) => [`${one}.${n}`, ['Date']]),
          ),
        },
        annotation,
      ]
      const digits = choice % 7 === 0 ? { [one]: '9'.repeat(50_000) } : {}
      const meta = metas[choice % metas.length]
      return JSON.stringify({ json: isRecord(json) ? { ...json, ...digits } : json, meta })
    })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
