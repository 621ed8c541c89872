import { expect, test } from 'vitest'

import type { Outcome } from '../faults/history.ts'
import { findAnomalies, type Booking, type Evidence, type Read, type Transfer } from './checker.ts'

const unknown: Outcome = { kind: 'unknown', reason: 'COMMIT_UNKNOWN' }
const refused: Outcome = { kind: 'failed', reason: 'INSUFFICIENT_FUNDS', retryable: false }

const balances = (a: bigint, b: bigint) => new Map([['a', a], ['b', b]]) // prettier-ignore

const read = (a: bigint, b: bigint): Read => ({ by: 'SQL', balances: balances(a, b) })

/** Of 3 from a to b. */
const transfer = (memo: string, outcome: Outcome): Transfer => {
  return { memo, fromId: 'a', toId: 'b', amountMinor: 3n, outcome }
}
const booking = (memo: string): Booking => ({ memo, changes: balances(-3n, 3n) })

/** A run in which nothing went wrong, but for what a test says. */
const evidence = (differently: Partial<Evidence> = {}): Evidence => ({
  opening: balances(10n, 10n),
  reads: [read(10n, 10n), read(7n, 13n), read(4n, 16n)],
  transfers: [
    transfer('first', { kind: 'ok' }),
    transfer('second', unknown),
    transfer('third', unknown),
    transfer('fourth', refused),
  ],
  bookings: [booking('first'), booking('second')],
  closing: balances(4n, 16n),
  ...differently,
})

test('a run in which every promise was kept has no anomalies', () => {
  expect(findAnomalies(evidence())).toEqual([])
})

test('a read in the middle of a transfer is an anomaly', () => {
  const reads = [read(10n, 10n), read(7n, 10n)]
  expect(findAnomalies(evidence({ reads }))).toEqual(['SQL shows 17 in all instead of 20'])
})

test('a balance below zero is an anomaly, also where the sum is right', () => {
  const reads = [read(-1n, 21n)]
  expect(findAnomalies(evidence({ reads }))).toEqual(['SQL shows -1 on a'])
})

test('a read in which an account is missing is an anomaly', () => {
  const reads: Read[] = [{ by: 'the server', balances: new Map([['b', 20n]]) }]
  expect(findAnomalies(evidence({ reads }))).toEqual(['the server shows 1 accounts'])
})

test('an acknowledged transfer that is lost is an anomaly', () => {
  const found = findAnomalies(
    evidence({ bookings: [booking('second')], closing: balances(7n, 13n) }),
  )
  expect(found).toEqual(['first: ok, 0 rows'])
})

test.each(['first', 'second'])('a transfer that was made twice is an anomaly: %s', (memo) => {
  const bookings = [...evidence().bookings, booking(memo)]
  const found = findAnomalies(evidence({ bookings, closing: balances(1n, 19n) }))
  expect(found).toEqual([expect.stringMatching(`^${memo}: .*, 2 rows$`)])
})

test('a refused transfer that was made is an anomaly', () => {
  const bookings = [...evidence().bookings, booking('fourth')]
  const found = findAnomalies(evidence({ bookings, closing: balances(1n, 19n) }))
  expect(found).toEqual(['fourth: failed (INSUFFICIENT_FUNDS), 1 rows'])
})

test('a transfer that nobody asked for is an anomaly', () => {
  const bookings = [...evidence().bookings, booking('fifth')]
  const found = findAnomalies(evidence({ bookings, closing: balances(1n, 19n) }))
  expect(found).toEqual(['fifth: nobody asked for it'])
})

test('a transfer of another amount, or the wrong way round, is an anomaly', () => {
  const wrong: Booking[] = [
    { memo: 'first', changes: balances(-2n, 2n) },
    { memo: 'second', changes: balances(3n, -3n) },
  ]
  const found = findAnomalies(evidence({ bookings: wrong, closing: balances(11n, 9n) }))
  expect(found).toEqual([
    'first: -2 on a, 2 on b instead of 3',
    'second: 3 on a, -3 on b instead of 3',
  ])
})

test('balances that the ledger does not explain are an anomaly, as a lost update leaves them', () => {
  const found = findAnomalies(evidence({ closing: balances(7n, 16n) }))
  expect(found).toEqual(['a has 7, and 4 by the ledger'])
})
