import { expect, test } from 'vitest'

import { parseHttpDate } from './http-date.ts'

const time = Date.parse('1994-11-06T08:49:37Z')

test.each([
  'Sun, 06 Nov 1994 08:49:37 GMT',
  'Sunday, 06-Nov-94 08:49:37 GMT',
  'Sun Nov  6 08:49:37 1994',
])('%s is a date', (text) => {
  expect(parseHttpDate(text)).toBe(time)
})

test.each(['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'])(
  '%s is a day of the week',
  (weekday) => {
    const day =
      7 +
      ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'].indexOf(
        weekday,
      )
    const text = `${weekday}, ${String(day).padStart(2, '0')}-Nov-94 00:00:00 GMT`
    expect(parseHttpDate(text)).toBe(Date.UTC(1994, 10, day))
  },
)

test('a year of two digits is none that is far ahead', () => {
  const inYears = (years: number) => {
    const date = new Date(Date.UTC(new Date().getUTCFullYear() + years, 0, 1))
    const [weekday] = date.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' }).split(',')
    const year = String(date.getUTCFullYear()).slice(2)
    return [parseHttpDate(`${weekday}, 01-Jan-${year} 00:00:00 GMT`), date.getTime()]
  }
  for (const years of [0, 1, 50, -1, -49]) {
    const [parsed, expected] = inYears(years)
    expect(parsed).toBe(expected)
  }
})

test.each([
  '',
  '0',
  '1994',
  '1994-11-06T08:49:37Z',
  'Sun, 06 Nov 1994 08:49:37',
  'Sun, 06 Nov 1994 08:49:37 UTC',
  'Sun, 06 Nov 1994 08:49:37 +0000',
  'Sun, 6 Nov 1994 08:49:37 GMT',
  'sun, 06 nov 1994 08:49:37 GMT',
  'Mon, 06 Nov 1994 08:49:37 GMT',
  'Thu, 31 Nov 1994 08:49:37 GMT',
  'Sun, 06 Nov 1994 24:00:00 GMT',
  'Sun, 06 Nov 1994 08:49:60 GMT',
  'Sun, 06 Nov 1994 8:49:37 GMT',
  '06 Nov 1994 08:49:37 GMT',
  ' Sun, 06 Nov 1994 08:49:37 GMT',
  'Sun Nov 06 08:49:37 1994 GMT',
  'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
])('"%s" is no date', (text) => {
  expect(parseHttpDate(text)).toBeUndefined()
})
