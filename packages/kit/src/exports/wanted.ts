import { z } from 'zod'

import { refusedBy } from '../platform/bad-input.ts'
import type { ExportDefinition } from './definition.ts'
import { FORMATS, type FormatName } from './formats.ts'

/** The columns that rows are ordered by, and what they say in one row. */
export type Place = Readonly<Record<string, string>>

/** What a reader asks for. */
export interface Wanted {
  readonly format: FormatName
  /** The last row that they have; undefined for all of them. */
  readonly after?: Place | undefined
}

/** Reads what the query of a URL asks an export for. It throws `BAD_INPUT`. */
export function createWantedReader({
  position,
}: Pick<ExportDefinition, 'position'>): (url: URL) => Wanted {
  const columns = Object.keys(position)
  const schema = z.strictObject({
    format: z.enum(FORMATS).default('csv'),
    after: z
      .string()
      .transform((text) => named(text.split(','), columns))
      .pipe(z.strictObject(position))
      .optional(),
  })
  return ({ searchParams }) => {
    const parsed = schema.safeParse(valuesOf(searchParams))
    if (!parsed.success) throw refusedBy(parsed.error)
    return parsed.data
  }
}

/** What is more than there are columns has no name that a schema knows. */
function named(parts: readonly string[], columns: readonly string[]): Record<string, string> {
  return Object.fromEntries(parts.map((part, index) => [columns[index] ?? `#${index + 1}`, part]))
}

/** What is given twice is a list, which no schema takes. */
function valuesOf(params: URLSearchParams): Record<string, string | string[]> {
  const entries = [...new Set(params.keys())].map((name) => {
    const all = params.getAll(name)
    return [name, all.length === 1 ? (all[0] ?? '') : all] as const
  })
  return Object.fromEntries(entries)
}
