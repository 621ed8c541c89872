import type { IncomingHttpHeaders } from 'node:http'

import type { StoredFile } from '../file-types.ts'
import type { ByteRange } from '../platform/file-storage/file-storage.ts'
import { parseHttpDate } from './http-date.ts'

/** What a reader gets, by what they have: RFC 9110, 13 and 14. */
export type Verdict =
  | { readonly status: 200 | 304 | 412 | 416 }
  | { readonly status: 206; readonly range: ByteRange }

/** Strong: who has the same, has the same bytes. */
export function etagOf({ sha256 }: StoredFile): string {
  return `"${sha256}"`
}

/** To the second, as headers tell it. */
export function lastModifiedOf({ createdAt }: StoredFile): string {
  return createdAt.toUTCString()
}

/** In the order of RFC 9110, 13.2.2. */
export function judge(file: StoredFile, headers: IncomingHttpHeaders): Verdict {
  const etag = etagOf(file)
  const modified = Date.parse(lastModifiedOf(file))
  const ifMatch = headers['if-match']
  const ifUnmodifiedSince = parseHttpDate(headers['if-unmodified-since'] ?? '')
  if (ifMatch === undefined) {
    if (modified > (ifUnmodifiedSince ?? Infinity)) return { status: 412 }
  } else if (!isNamed(etag, ifMatch)) return { status: 412 }

  const ifNoneMatch = headers['if-none-match']
  const ifModifiedSince = parseHttpDate(headers['if-modified-since'] ?? '')
  if (ifNoneMatch === undefined) {
    if (modified <= (ifModifiedSince ?? -Infinity)) return { status: 304 }
  } else if (isNamed(etag, ifNoneMatch.replaceAll('W/', ''))) return { status: 304 }

  const { range } = headers
  if (range === undefined || !isStill(file, headers['if-range'])) return { status: 200 }
  return judgeRange(range, file.size)
}

function isNamed(etag: string, list: string): boolean {
  return list.trim() === '*' || list.split(',').some((named) => named.trim() === etag)
}

/** By a strong tag, or by the very date. */
function isStill(file: StoredFile, ifRange: string | string[] | undefined): boolean {
  return ifRange === undefined || ifRange === etagOf(file) || ifRange === lastModifiedOf(file)
}

/** One range of bytes. More of them, or what is none, are answered by all of the file. */
function judgeRange(header: string, size: number): Verdict {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(header.trim()) ?? []
  if (first === undefined || last === undefined || first + last === '') return { status: 200 }
  // Some ask for the beginning of whatever it is; nothing has no beginning.
  if (size === 0) return { status: 200 }
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return { status: 200 }
  return start >= size ? { status: 416 } : { status: 206, range: { start, end } }
}
