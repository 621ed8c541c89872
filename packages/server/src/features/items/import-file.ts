import { defineError, Failure, type OpenFile } from '@tautline/kit'

import { csvOf, cutCells } from './import-csv.ts'
import { ndjson } from './import-ndjson.ts'
import {
  MAX_RECORD_BYTES,
  readRecords,
  type FileRecord,
  type RecordFormat,
} from './import-records.ts'
import { EXPORTED_TOO } from './import-rows.ts'
import { NewItem } from './schema.ts'

export type ImportFormat = 'csv' | 'ndjson'

/** A file to be imported. */
export interface ImportFile {
  /** In bytes. */
  readonly size: number
  /** Its records from one of them on, some at a time; from the first for anything before that. */
  records(from: number): AsyncIterable<readonly FileRecord[]>
}

/**
 * Finds out how the records of a file are written. Throws a failure that says what is wrong with its
 * line of titles: no row of such a file could be read.
 */
export async function openImport(
  open: OpenFile,
  wanted: ImportFormat | undefined,
): Promise<ImportFile> {
  const { size, name } = open.file
  const head = await readHead(open)
  const { format, from: first } = layoutOf(head, wanted ?? formatOf(head, name))
  return {
    size,
    records(from) {
      const start = Math.max(first, from)
      const chunks = start < size ? open.stream({ start, end: size - 1 }) : []
      return readRecords(buffers(chunks), format, start)
    },
  }
}

/** A part of a stream at a time: what parses them does not keep the process from other work for long. */
const PART_BYTES = 16_384

async function* buffers(chunks: AsyncIterable<unknown> | Iterable<unknown>) {
  for await (const chunk of chunks) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('A file is bytes.')
    for (let at = 0; at < chunk.length; at += PART_BYTES) yield chunk.subarray(at, at + PART_BYTES)
  }
}

/** As much as may be one record. */
interface Head {
  readonly bytes: Buffer
  readonly isWhole: boolean
  /** Of the text, behind a mark that says it is UTF-8. */
  readonly start: number
}

const UTF8_MARK = Buffer.from('\uFEFF')

async function readHead(open: OpenFile): Promise<Head> {
  const { size } = open.file
  const length = Math.min(size, MAX_RECORD_BYTES)
  const chunks: Buffer[] = []
  if (length > 0) {
    for await (const chunk of buffers(open.stream({ start: 0, end: length - 1 })))
      chunks.push(chunk)
  }
  const bytes = Buffer.concat(chunks)
  const hasMark = bytes.subarray(0, UTF8_MARK.length).equals(UTF8_MARK)
  return { bytes, isWhole: length === size, start: hasMark ? UTF8_MARK.length : 0 }
}

function formatOf({ bytes, start }: Head, name: string): ImportFormat {
  const [, ending = ''] = /\.(csv|ndjson|jsonl)$/i.exec(name) ?? []
  if (ending !== '') return ending.toLowerCase() === 'csv' ? 'csv' : 'ndjson'
  return bytes.toString('latin1', start).trimStart().startsWith('{') ? 'ndjson' : 'csv'
}

/** How the records are written, and where the first one begins. */
interface Layout {
  readonly format: RecordFormat
  readonly from: number
}

function layoutOf(head: Head, format: ImportFormat): Layout {
  const { bytes, isWhole, start } = head
  if (format === 'ndjson') return { format: ndjson, from: start }
  const cut = cutCells(bytes.subarray(start), { at: start, isLast: isWhole })
  const [titles] = cut.records
  if (titles?.problem !== undefined) throw refused('is not text in UTF-8')
  if (!titles) throw refused(cut.broken === undefined ? 'is not there' : 'has a broken quote')
  const columns = titles.value.map((title) => title.trim())
  checkColumns(columns)
  return { format: csvOf(columns), from: titles.end }
}

const KNOWN = new Set(Object.keys(NewItem.shape))
const REQUIRED = ['sku', 'name', 'priceMinor']

function checkColumns(columns: readonly string[]): void {
  const missing = REQUIRED.find((name) => !columns.includes(name))
  if (missing !== undefined) throw refused(`names no column ${missing}`)
  const unknown = columns.findIndex((name) => !KNOWN.has(name) && !EXPORTED_TOO.has(name))
  if (unknown !== -1) throw refused(`has a title that no item has, in column ${unknown + 1}`)
  if (new Set(columns).size < columns.length) throw refused('names a column twice')
}

/** Trying again would not help: the file never changes. */
function refused(problem: string): Failure {
  const message = `The line of titles ${problem}; it has sku, name, priceMinor and maybe quantity.`
  const unreadable = defineError('IMPORT_UNREADABLE', { code: 'BAD_REQUEST', message })
  return new Failure(unreadable)
}
