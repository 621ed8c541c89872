/**
 * What a `Retry-After` header asks for, in milliseconds from `nowMs` on: a number of seconds or a date
 * (RFC 9110, 10.2.3). Undefined where there is none, or none that can be read.
 */
export function parseRetryAfter(
  header: string | null | undefined,
  nowMs: number,
): number | undefined {
  if (header === null || header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000
  if (!/^[A-Z][a-z]{2}/.test(header)) return undefined // `Date.parse` takes '-1' for a year
  const atMs = Date.parse(header)
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}
