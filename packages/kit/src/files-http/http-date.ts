/** `Sun, 06 Nov 1994 08:49:37 GMT`, which all write now. */
const NOW = /^(?<weekday>\w{3}), (?<day>\d\d) (?<month>\w{3}) (?<year>\d{4}) (?<time>[\d:]{8}) GMT$/

/** `Sunday, 06-Nov-94 08:49:37 GMT`, which some did. */
const RFC_850 =
  /^(?<weekday>\w{3})(?:s|nes|rs|ur)?day, (?<day>\d\d)-(?<month>\w{3})-(?<year>\d\d) (?<time>[\d:]{8}) GMT$/

/** `Sun Nov  6 08:49:37 1994`, which C did. */
const ASCTIME =
  /^(?<weekday>\w{3}) (?<month>\w{3}) (?<day>[ \d]\d) (?<time>[\d:]{8}) (?<year>\d{4})$/

/** A year of two digits is none that is further away than this. */
const MAX_YEARS_AHEAD = 50

/**
 * The time of a date in a header, in milliseconds; undefined for what is none (RFC 9110, 5.6.7).
 * `Date.parse` takes much more for one, and some of it for a time of this machine's own zone.
 */
export function parseHttpDate(text: string): number | undefined {
  const { groups } = NOW.exec(text) ?? RFC_850.exec(text) ?? ASCTIME.exec(text) ?? {}
  if (!groups) return undefined
  const { weekday, day = '', month, year = '', time } = groups
  const full = `${weekday}, ${day.replace(' ', '0')} ${month} ${fullYear(year)} ${time} GMT`
  const ms = Date.parse(full)
  return toText(ms) === full ? ms : undefined
}

function fullYear(year: string): string {
  if (year.length === 4) return year
  const thisYear = new Date().getUTCFullYear()
  const sameCentury = thisYear - (thisYear % 100) + Number(year)
  return String(sameCentury > thisYear + MAX_YEARS_AHEAD ? sameCentury - 100 : sameCentury)
}

/** Of a day that there is: another one would not be written in the same way. */
function toText(ms: number): string | undefined {
  return Number.isNaN(ms) ? undefined : new Date(ms).toUTCString()
}
