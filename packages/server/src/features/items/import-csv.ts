import { isUtf8 } from 'node:buffer'

import { CsvError, parse } from 'csv-parse/sync'

import {
  NEWLINE,
  NOT_TEXT,
  type Cut,
  type FileRecord,
  type Place,
  type RecordFormat,
} from './import-records.ts'

type Cells = readonly string[]

/** Of one file both may occur, so none is found out from its first line. */
const LINE_ENDS = ['\r\n', '\n']

const RETURN = 0x0d

const MISPLACED = 'A quote stands in the middle of a field.'
const BESIDE_QUOTES = 'Text stands beside a field in quotes, or its quote is not closed.'
const NOT_CLOSED = 'A quote is not closed.'

/** The rows of some bytes, as far as they are whole: RFC 4180, and empty lines between them. */
export function cutCells(bytes: Buffer, { at, isLast }: Place): Cut<Cells> {
  const block = isLast ? bytes : bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1)
  const isText = isUtf8(block)
  const records: FileRecord<Cells>[] = []
  let taken = 0
  try {
    parse(block, {
      record_delimiter: LINE_ENDS,
      relax_column_count: true,
      skip_empty_lines: true,
      on_record(value: string[], { bytes: end }) {
        const isReadable = isText || isUtf8(block.subarray(taken, end))
        records.push({ end: at + end, ...(isReadable ? { value } : { problem: NOT_TEXT }) })
        taken = end
        return null
      },
    })
    return { records, taken: block.length }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    taken = afterEmptyLines(block, taken) // the row that cannot be read begins there
    switch (error.code) {
      case 'CSV_QUOTE_NOT_CLOSED': // or not yet
        return { records, taken, ...(isLast && { broken: NOT_CLOSED }) }
      case 'CSV_INVALID_CLOSING_QUOTE':
        return { records, taken, broken: BESIDE_QUOTES }
      case 'INVALID_OPENING_QUOTE':
        return { records, taken, broken: MISPLACED }
      default:
        throw error
    }
  }
}

function afterEmptyLines(bytes: Buffer, from: number): number {
  let at = from
  for (;;) {
    const lineEnd = bytes[at] === RETURN ? at + 1 : at
    if (bytes[lineEnd] !== NEWLINE) return at
    at = lineEnd + 1
  }
}

/** Rows of a CSV file with these columns. */
export function csvOf(columns: Cells): RecordFormat {
  function toRecord(record: FileRecord<Cells>): FileRecord {
    if (record.problem !== undefined) return record
    const { end, value: cells } = record
    if (cells.length !== columns.length) {
      const problem = `The row has ${cells.length} fields, and the file ${columns.length} columns.`
      return { end, problem }
    }
    return { end, value: Object.fromEntries(columns.map((name, index) => [name, cells[index]])) }
  }

  return {
    tooLong: 'The row has more than 64 KB, or a quote is not closed.',
    cut(bytes, place) {
      const { records, ...rest } = cutCells(bytes, place)
      return { ...rest, records: records.map(toRecord) }
    },
  }
}
