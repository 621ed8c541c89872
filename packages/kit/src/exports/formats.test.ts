import { expect, test } from 'vitest'

import { formatOf } from './formats.ts'

const columns = ['id', 'note', 'price', 'more']

const rows = [
  { id: 'a', note: 'plain', price: 2n ** 63n - 1n, more: true, hidden: 'secret' },
  { id: 'b', note: 'said "so", and left', price: -1n, more: { a: [1n, 'x'] } },
  { id: 'c', note: 'two\nlines\r\n', price: 0n, more: null },
  { id: '', note: ' ümläut 🧵 ', price: null, more: new Date(0) },
  { id: '=1+1', note: '"', price: 1.5, more: undefined },
]

function written(format: 'csv' | 'ndjson', isWhole: boolean): string {
  const { head, line } = formatOf(format, columns, isWhole)
  return head + rows.map(line).join('')
}

test('CSV quotes what needs quotes and nothing else, and ends each line with CRLF', () => {
  expect(written('csv', true)).toBe(
    'id,note,price,more\r\n' +
      'a,plain,9223372036854775807,true\r\n' +
      'b,"said ""so"", and left",-1,"{""a"":[""1"",""x""]}"\r\n' +
      'c,"two\nlines\r\n",0,\r\n' +
      ', ümläut 🧵 ,,1970-01-01T00:00:00.000Z\r\n' +
      '=1+1,"""",1.5,\r\n',
  )
})

test('CSV that goes on has no header, and says so', () => {
  expect(written('csv', false).startsWith('a,plain,')).toBe(true)
  expect(formatOf('csv', columns, true).contentType).toBe('text/csv; charset=utf-8; header=present')
  expect(formatOf('csv', columns, false).contentType).toBe('text/csv; charset=utf-8; header=absent')
})

test('NDJSON is one object a line, with every column, and bigints as text', () => {
  const lines = written('ndjson', true).split('\n')
  expect(lines.pop()).toBe('')
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
    { id: 'a', note: 'plain', price: '9223372036854775807', more: true },
    { id: 'b', note: 'said "so", and left', price: '-1', more: { a: ['1', 'x'] } },
    { id: 'c', note: 'two\nlines\r\n', price: '0', more: null },
    { id: '', note: ' ümläut 🧵 ', price: null, more: '1970-01-01T00:00:00.000Z' },
    { id: '=1+1', note: '"', price: 1.5, more: null },
  ])
})
