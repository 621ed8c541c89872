import { expect, test } from 'vitest'

import { nextTime } from './schedule-times.ts'

const from = new Date('2026-03-28T12:00:00Z')
const next = (at: string, timeZone?: string) =>
  nextTime({ at, ...(timeZone !== undefined && { timeZone }) }, from)?.toISOString()

test('the next time of cron, or of an RRULE, is by its time zone, also when that changes', () => {
  expect(next('0 9 * * *')).toBe('2026-03-29T09:00:00.000Z')
  expect(next('30 9 * * *', 'Europe/Berlin')).toBe('2026-03-29T07:30:00.000Z') // summer by then
  expect(next('FREQ=DAILY;BYHOUR=9', 'America/New_York')).toBe('2026-03-28T13:00:00.000Z')
  expect(next('FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17')).toBe('2026-04-24T17:00:00.000Z')
})

test('it is after the time that is asked about, never that', () => {
  expect(next('0 12 * * *')).toBe('2026-03-29T12:00:00.000Z')
  expect(next('FREQ=DAILY;BYHOUR=12')).toBe('2026-03-29T12:00:00.000Z')
})

test('a rule that is over has none', () => {
  expect(next('FREQ=DAILY;UNTIL=20200101T000000Z')).toBeUndefined()
})

test.each([
  ['every day', 'UTC'],
  ['0 0 * * * *', 'UTC'],
  ['61 * * * *', 'UTC'],
  ['FREQ=NEVER', 'UTC'],
  ['0 9 * * *', 'Europe/Brlin'],
])('%s in %s is refused', (at, timeZone) => {
  expect(() => nextTime({ at, timeZone }, from)).toThrow(Error)
})
