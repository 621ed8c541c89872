import { describe, expect, test } from 'vitest'

import { csvOf } from './import-csv.ts'
import { ndjson } from './import-ndjson.ts'
import { readRecords, type FileRecord, type RecordFormat } from './import-records.ts'

const columns = ['sku', 'name']
const csv = csvOf(columns)

async function* parts(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

interface Reading {
  readonly format: RecordFormat
  readonly from?: number
  readonly size?: number
}

async function read(bytes: Buffer, { format, from = 0, size = 16_384 }: Reading) {
  const records: FileRecord[] = []
  for await (const batch of readRecords(parts(bytes.subarray(from), size), format, from)) {
    records.push(...batch)
  }
  return records
}

const said = (record: FileRecord) =>
  record.problem ?? Object.values(record.value).map(String).join('|')

async function texts(text: string | Buffer, format: RecordFormat): Promise<string[]> {
  return (await read(Buffer.from(text), { format })).map(said)
}

const long = 'x'.repeat(70_000)
const notUtf8 = Buffer.from('6,\xff\n', 'latin1')

describe('rows of CSV', () => {
  test.each([
    ['are fields between commas', 'a,b\nc,d\n', ['a|b', 'c|d']],
    ['end with CRLF, LF or the file', 'a,b\r\nc,d\ne,f', ['a|b', 'c|d', 'e|f']],
    ['have quotes around commas, quotes and lines', '"a,""1""","b\r\nc"\n', ['a,"1"|b\r\nc']],
    ['may be empty lines, which say nothing', '\n\r\na,b\n\n\nc,d\n\n', ['a|b', 'c|d']],
    [
      'with a field too few or too many are bad',
      'a\nb,c,d\ne,f\n',
      [
        'The row has 1 fields, and the file 2 columns.',
        'The row has 3 fields, and the file 2 columns.',
        'e|f',
      ],
    ],
    [
      'whose quote is not closed cost their own line',
      'a,b\nc,"d\ne,f\ng,h\n',
      ['a|b', 'A quote is not closed.', 'e|f', 'g|h'],
    ],
    [
      'whose quote is closed by another row’s cost their own line',
      'a,b\nc,"d\n"e",f\n',
      ['a|b', 'Text stands beside a field in quotes, or its quote is not closed.', 'e|f'],
    ],
    [
      'with a quote in a field cost their own line',
      'a,b\nc"d,e\nf,g',
      ['a|b', 'A quote stands in the middle of a field.', 'f|g'],
    ],
    [
      'that are too long cost their own line',
      `a,b\n${long},${long}\nc,d\n`,
      ['a|b', 'The row has more than 64 KB, or a quote is not closed.', 'c|d'],
    ],
    [
      'whose quote is never closed cost their own line',
      `a,b\nc,"d\ne,f\n${'g,h\n'.repeat(20_000)}`,
      [
        'a|b',
        'The row has more than 64 KB, or a quote is not closed.',
        'e|f',
        ...Array.from({ length: 20_000 }, () => 'g|h'),
      ],
    ],
  ])('%s', async (_, text, expected) => {
    expect(await texts(text, csv)).toEqual(expected)
  })

  test('that are not UTF-8 are bad, and the others are read', async () => {
    const text = Buffer.concat([Buffer.from('a,ö\n'), notUtf8, Buffer.from('b,日\n')])
    expect(await texts(text, csv)).toEqual(['a|ö', 'The row is not text in UTF-8.', 'b|日'])
  })
})

describe('lines of NDJSON', () => {
  test.each([
    ['are objects', '{"sku":"a"}\r\n\n  \n{"sku":"b"}', ['a', 'b']],
    [
      'that are no JSON, or no object, are bad',
      '{"sku":"a"\n[1]\n7\nnull\n{"sku":"b"}\n',
      [
        'The row is not JSON.',
        'The row is no JSON object.',
        'The row is no JSON object.',
        'The row is no JSON object.',
        'b',
      ],
    ],
    [
      'that are too long are bad',
      `{"sku":"${long}"}\n{"sku":"b"}\n${long}`,
      ['The row has more than 64 KB.', 'b', 'The row has more than 64 KB.'],
    ],
  ])('%s', async (_, text, expected) => {
    expect(await texts(text, ndjson)).toEqual(expected)
  })

  test('that are not UTF-8 are bad, and the others are read', async () => {
    const text = Buffer.concat([notUtf8, Buffer.from('{"sku":"日"}')])
    expect(await texts(text, ndjson)).toEqual(['The row is not text in UTF-8.', '日'])
  })
})

/** Every kind of row, again and again. */
function mixture(format: 'csv' | 'ndjson'): Buffer {
  const rows =
    format === 'csv'
      ? ['a,b\n', '"c\r\nd",e\r\n', 'f,"\n', '"g"h,i\n', '\n', 'j"k,l\n', '日,ö\n', notUtf8]
      : ['{"sku":"a"}\n', '\n', 'no\n', '{"sku":"日"}\r\n', '[]\n', notUtf8]
  const odd = format === 'csv' ? `m,"${`${'n'.repeat(999)}\n`.repeat(70)}` : `${long}\n`
  const all = [...rows, ...rows, odd, ...rows, long, '\n', ...rows.toReversed()]
  return Buffer.concat(all.map((row) => Buffer.from(row)))
}

test.each([
  ['csv', csv],
  ['ndjson', ndjson],
] as const)('rows of %s are the same, however the bytes come', async (name, format) => {
  const bytes = mixture(name)
  const expected = await read(bytes, { format })
  expect(expected.length).toBeGreaterThan(20)
  for (const size of [997, 4_096, 65_535, 65_536, 65_537, 131_072, bytes.length]) {
    expect(await read(bytes, { format, size })).toEqual(expected)
  }
  const short = bytes.subarray(0, 200)
  const ofShort = await read(short, { format })
  for (let size = 1; size < 20; size++) expect(await read(short, { format, size })).toEqual(ofShort)
})

test.each([
  ['csv', csv],
  ['ndjson', ndjson],
] as const)('rows of %s are the same from each of them on', async (name, format) => {
  const bytes = mixture(name)
  const expected = await read(bytes, { format })
  for (const [index, { end: from }] of expected.entries()) {
    expect(await read(bytes, { format, from, size: 5_000 })).toEqual(expected.slice(index + 1))
  }
})
