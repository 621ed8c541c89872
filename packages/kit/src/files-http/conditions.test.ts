import { expect, test } from 'vitest'

import { etagOf, judge, lastModifiedOf } from './conditions.ts'

const file = {
  id: '00000000-0000-0000-0000-000000000001',
  name: 'a',
  contentType: 'text/plain',
  size: 10,
  sha256: 'ab'.repeat(32),
  createdAt: new Date('2026-01-01T10:00:00.700Z'),
}
const etag = etagOf(file)
const at = (seconds: number) =>
  new Date(Date.parse('2026-01-01T10:00:00Z') + seconds * 1_000).toUTCString()

test.each([
  ['bytes=0-0', { start: 0, end: 0 }],
  ['bytes=0-', { start: 0, end: 9 }],
  ['bytes=3-5', { start: 3, end: 5 }],
  ['bytes=9-9', { start: 9, end: 9 }],
  ['bytes=3-99999999999999999999999', { start: 3, end: 9 }],
  ['bytes=-1', { start: 9, end: 9 }],
  ['bytes=-10', { start: 0, end: 9 }],
  ['bytes=-99', { start: 0, end: 9 }],
  [' BYTES=0-1 ', { start: 0, end: 1 }],
])('"%s" is a part', (range, part) => {
  expect(judge(file, { range })).toEqual({ status: 206, range: part })
})

test.each(['bytes=10-', 'bytes=10-20', 'bytes=99999999999999999999999-', 'bytes=-0'])(
  '"%s" cannot be had',
  (range) => {
    expect(judge(file, { range })).toEqual({ status: 416 })
  },
)

test.each([
  'bytes=',
  'bytes=-',
  'bytes=5-3',
  'bytes=a-b',
  'bytes=1-2,4-5',
  'bytes=0x1-2',
  'bytes=1.5-2',
  'bytes=+1-2',
  'bytes = 1-2',
  'lines=1-2',
  '',
])('"%s" is no range that is known, and gets all', (range) => {
  expect(judge(file, { range })).toEqual({ status: 200 })
})

test.each(['bytes=0-', 'bytes=-5', 'bytes=3-4'])(
  'a file of nothing is sent whole for %s',
  (range) => {
    expect(judge({ ...file, size: 0 }, { range })).toEqual({ status: 200 })
  },
)

const range = 'bytes=1-2'

test.each([
  ['a reader who has it', { 'if-none-match': etag }, 304],
  ['one who has it among others', { 'if-none-match': `"x", ${etag}` }, 304],
  ['one who compares weakly', { 'if-none-match': `W/${etag}` }, 304],
  ['one who has anything', { 'if-none-match': '*' }, 304],
  ['one who has something else', { 'if-none-match': '"x"' }, 200],
  ['one who has it since', { 'if-modified-since': at(0) }, 304],
  ['one who had something before', { 'if-modified-since': at(-1) }, 200],
  ['one who has it since, as C tells it', { 'if-modified-since': 'Thu Jan  1 10:00:00 2026' }, 304],
  ['a date that is none', { 'if-modified-since': 'yesterday' }, 200],
  ['a date of another form', { 'if-modified-since': '2027-01-01T00:00:00Z' }, 200],
  ['an old date of another form', { 'if-unmodified-since': '2020-01-01T00:00:00Z' }, 200],
  [
    'a tag, which counts for more than a date',
    { 'if-none-match': '"x"', 'if-modified-since': at(9) },
    200,
  ],
  ['one who wants this very one', { 'if-match': etag }, 200],
  ['one who wants any', { 'if-match': '*' }, 200],
  ['one who wants another', { 'if-match': '"x"' }, 412],
  ['one who wants it weakly', { 'if-match': `W/${etag}` }, 412],
  ['one who wants an older one', { 'if-unmodified-since': at(-1) }, 412],
  ['one who wants it as it was', { 'if-unmodified-since': at(0) }, 200],
  ['one who has it, and asks for a part', { 'if-none-match': etag, range }, 304],
  ['a part of this very one', { 'if-range': etag, range }, 206],
  ['a part of it by its date', { 'if-range': lastModifiedOf(file), range }, 206],
  ['a part of another', { 'if-range': '"x"', range }, 200],
  ['a part of a weak one', { 'if-range': `W/${etag}`, range }, 200],
  ['a part of it by another date', { 'if-range': at(9), range }, 200],
])('%s', (_, headers, status) => {
  expect(judge(file, headers).status).toBe(status)
})
