import { noSuchPart } from './files-call.ts'
import { clientError } from './to-call-error.ts'

/** A part of a file: the first and the last byte, counted from 0. Without an end it is all from there. */
export interface Range {
  readonly start: number
  readonly end?: number | undefined
}

/** What the headers of a file say. */
export interface Facts {
  readonly name: string
  readonly contentType: string
  readonly size: number
  readonly sha256: string
  /** The first byte that comes, and the one behind the last. */
  readonly from: number
  readonly to: number
}

/** Throws for what no file can have. */
export function checkRange({ start, end = Infinity }: Range): void {
  const isEnd = end === Infinity || Number.isSafeInteger(end)
  if (!Number.isSafeInteger(start) || start < 0 || !isEnd || end < start) throw noSuchPart()
}

/**
 * What the headers of an answer say. Throws for what no Tautline server says, and where another part
 * comes than was asked for, as when a proxy has taken the question away.
 */
export function factsOf(headers: Headers, { start, end = Infinity }: Range): Facts {
  const [, sha256 = ''] = /^"([\da-f]{64})"$/.exec(headers.get('etag') ?? '') ?? []
  const [, name = ''] =
    /filename\*=UTF-8''([^;]*)/i.exec(headers.get('content-disposition') ?? '') ?? []
  const part = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '')
  const whole = Number(headers.get('content-length') ?? Number.NaN)
  const [from, to, size] = part
    ? [Number(part[1]), Number(part[2]) + 1, Number(part[3])]
    : [0, whole, whole]
  if (sha256 === '' || name === '' || Number.isNaN(size)) {
    throw clientError('BAD_RESPONSE', new TypeError('These are no headers of a file.'))
  }
  if (size === 0 && start > 0) throw noSuchPart()
  if (from !== start || to !== Math.min(end + 1, size)) {
    throw clientError('BAD_RESPONSE', new TypeError('This is another part of the file.'))
  }
  const contentType = headers.get('content-type') ?? 'application/octet-stream'
  return { name: harmless(decoded(name)), contentType, size, sha256, from, to }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw clientError('BAD_RESPONSE', cause)
  }
}

/** As the server has made it already; but what has come may be from somebody else. */
function harmless(name: string): string {
  const safe = name.replaceAll(/[\\/:*?"<>|\p{Cc}\p{Bidi_Control}]/gu, '_')
  return /^[. ]*$/.test(safe) ? 'file' : safe
}
