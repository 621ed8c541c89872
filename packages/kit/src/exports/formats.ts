import type { ExportRow } from './definition.ts'

/** How rows are written down. */
export interface Lines {
  /** What stands before the first row; nothing where a broken download goes on. */
  readonly head: string
  readonly line: (row: ExportRow) => string
}

export interface Format extends Lines {
  readonly contentType: string
}

export const FORMATS = ['csv', 'ndjson'] as const

export type FormatName = (typeof FORMATS)[number]

/** `isWhole`: whether it begins with the first row. */
export function formatOf(name: FormatName, columns: readonly string[], isWhole: boolean): Format {
  return name === 'csv' ? csv(columns, isWhole) : ndjson(columns)
}

/**
 * RFC 4180, in UTF-8. Nothing is an empty field, and so is an empty text. Cells are told as they are:
 * a spreadsheet may take one that begins with `=` for a formula.
 */
function csv(columns: readonly string[], isWhole: boolean): Format {
  const line = (cells: readonly string[]) => `${cells.join(',')}\r\n`
  return {
    contentType: `text/csv; charset=utf-8; header=${isWhole ? 'present' : 'absent'}`,
    head: isWhole ? line(columns.map(cell)) : '',
    line: (row) => line(columns.map((column) => cell(row[column]))),
  }
}

const NEEDS_QUOTES = /[",\r\n]/

function cell(value: unknown): string {
  const text = textOf(value)
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function textOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value
    case 'object':
      if (value === null) return ''
      return value instanceof Date ? value.toISOString() : JSON.stringify(value, bigintAsText)
    case 'undefined':
      return ''
    default:
      return String(value)
  }
}

/** One JSON object a line. Numbers that JavaScript cannot hold are text. */
function ndjson(columns: readonly string[]): Format {
  return {
    contentType: 'application/x-ndjson; charset=utf-8',
    head: '',
    line(row) {
      const told: Record<string, unknown> = {}
      for (const column of columns) told[column] = row[column] ?? null
      return `${JSON.stringify(told, bigintAsText)}\n`
    },
  }
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
