import { expect, test } from 'vitest'

import { MAX_FAULTS } from './import-chunk.ts'
import type { ImportFault } from './import-queries.ts'
import { reportOf } from './import-report.ts'

const faults: readonly ImportFault[] = [
  { row: 2, problem: 'no such field: "a", b' },
  { row: 7, problem: 'sku: is missing' },
  { row: 9, problem: 'sku: is missing' },
]

/** At most two of them at a time. */
const read = async (after: number) => faults.filter(({ row }) => row > after).slice(0, 2)

async function lines(bad: number): Promise<string[]> {
  let text = ''
  for await (const piece of reportOf(bad, read)) text += piece.toString()
  return text.split('\r\n')
}

const told = [
  'row,problem',
  '2,"no such field: ""a"", b"',
  '7,"sku: is missing"',
  '9,"sku: is missing"',
]

test('tells of each bad row in a line of CSV', async () => {
  expect(await lines(3)).toEqual([...told, ''])
})

test('says how many bad rows there are beyond those it tells of', async () => {
  expect(await lines(MAX_FAULTS + 5)).toEqual([...told, ',"and 5 further rows"', ''])
})
