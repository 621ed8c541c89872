import { isUtf8 } from 'node:buffer'

import {
  NEWLINE,
  NOT_TEXT,
  type Fields,
  type FileRecord,
  type RecordFormat,
} from './import-records.ts'

const NOT_JSON = 'The row is not JSON.'
const NO_OBJECT = 'The row is no JSON object.'

/** One JSON object a line; empty lines say nothing. */
export const ndjson: RecordFormat = {
  tooLong: 'The row has more than 64 KB.',
  cut(bytes, { at, isLast }) {
    const records: FileRecord[] = []
    let taken = 0
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, taken)
      if (newline === -1 && !isLast) break
      const end = newline === -1 ? bytes.length : newline + 1
      if (end === taken) break
      const line = bytes.subarray(taken, end)
      taken = end
      const said = readLine(line)
      if (said) records.push({ end: at + end, ...said })
    }
    return { records, taken }
  },
}

function readLine(line: Buffer): { value: Fields } | { problem: string } | undefined {
  if (!isUtf8(line)) return { problem: NOT_TEXT }
  const text = line.toString().trim()
  if (text === '') return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? { value } : { problem: NO_OBJECT }
  } catch {
    return { problem: NOT_JSON }
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
