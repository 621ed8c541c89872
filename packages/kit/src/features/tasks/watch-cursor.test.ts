import { expect, test } from 'vitest'

import { MAX_SEQ } from '../../rpc/event-seq.ts'
import { createCursors, MAX_CURSOR_LENGTH } from './watch-cursor.ts'

const ids = ['a', 'b', 'c']
const { read, write } = createCursors(ids)

test('a cursor says how far somebody is with each task', () => {
  expect(read(write([0, 17, MAX_SEQ]))).toEqual([0, 17, MAX_SEQ])
})

test('a cursor is short enough for a header, whatever it says', () => {
  const many = Array.from({ length: 50 }, () => crypto.randomUUID())
  const seqs = many.map(() => MAX_SEQ)
  expect(createCursors(many).write(seqs).length).toBeLessThanOrEqual(MAX_CURSOR_LENGTH)
})

const digest = write([0, 0, 0]).slice(0, 8)

test.each([
  ['of other tasks', createCursors(['a', 'b', 'd']).write([1, 2, 3])],
  ['of tasks in another order', createCursors(['b', 'a', 'c']).write([1, 2, 3])],
  ['of fewer tasks', createCursors(['a', 'b']).write([1, 2])],
  ['that is a number', '17'],
  ['without its numbers', digest],
  ['with too few numbers', `${digest}.1.2`],
  ['with too many numbers', `${digest}.1.2.3.4`],
  ['with a number that is too large', `${digest}.1.2.zzzzzz`],
  ['with a longer number', `${digest}.1.2.1000000`],
  ['with an empty number', `${digest}.1..3`],
  ['with a negative number', `${digest}.1.2.-3`],
  ['with a zero before its number', `${digest}.1.2.03`],
  ['with something behind it', `${digest}.1.2.3\n`],
])('a cursor %s is refused', (_, cursor) => {
  expect(() => read(cursor)).toThrow(expect.objectContaining({ reason: 'BAD_INPUT' }))
})
