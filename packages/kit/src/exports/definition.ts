import type { CompiledQuery } from 'kysely'
import type { z } from 'zod'

import type { Db } from '../db/database.ts'
import type { Priority } from '../policies/admission/priority.ts'
import type { Allow, CallerOf, Policy } from '../rpc/policy.ts'

/** How soon exports give way under load that do not say it themselves. */
export const DEFAULT_PRIORITY = 'sheddable'

/** What is declared about an export besides its rows. */
export interface ExportPolicy<A extends Allow = Allow> extends Pick<Policy, 'fresh' | 'limit'> {
  readonly allow: A
  /** Who gives way first under load. Default `sheddable`. */
  readonly priority?: Priority
  /** A reader who takes nothing for so long is cut off, in milliseconds. Default 60,000. */
  readonly stallTimeoutMs?: number
}

/** Parts of a row that tell what comes after it, by the columns they stand in; as text in both. */
type Position = Readonly<Record<string, z.ZodType<string, string>>>

/** Whose rows are asked for, and from where on. */
export interface Reading<A extends Allow, P extends Position> {
  readonly principal: CallerOf<A>
  /** The last row that the reader has; undefined at the beginning. */
  readonly after: { readonly [Column in keyof P]: string } | undefined
}

/** A query that is built and not executed; Kysely's builders tell their rows by `stream` alone. */
export interface RowsQuery<Row> {
  compile(): CompiledQuery
  stream(rowsAtOnce?: number): AsyncIterableIterator<Row>
}

interface RowsDefinition<A extends Allow, P extends Position, Column extends string> {
  /** One sentence for people who read the docs. */
  readonly summary: string
  readonly policy: ExportPolicy<A>
  /** What is told of a row, in this order. */
  readonly columns: readonly Column[]
  /**
   * The columns that the rows are ordered by, ascending, and no two rows alike in all of them. Their
   * values have no commas, and are told in full: a time as text, down to its microseconds. A reader
   * whose download broke asks for what comes after its last row: `?after=<value>,<value>`.
   */
  readonly position: P
  /**
   * The query for what comes after a row. It says whose rows they are, and its order comes from an
   * index: for a reader who pauses it is asked anew.
   */
  rows(
    db: Db,
    reading: Reading<A, P>,
  ): RowsQuery<Record<NoInfer<Column>, unknown> & Record<keyof P, string>>
  /** Rows that are held at the same time. Default 1,000; fewer where one may be over some 10 kB. */
  readonly rowsAtOnce?: number
}

/** A row as its query gives it. */
export type ExportRow = Readonly<Record<string, unknown>>

/** A finished export, of which only `exportRows` knows the types. */
export interface ExportDefinition {
  readonly summary: string
  readonly policy: ExportPolicy
  readonly columns: readonly string[]
  readonly position: Position
  rows(db: Db, reading: never): RowsQuery<ExportRow>
  readonly rowsAtOnce?: number
}

/**
 * Rows of a query, to be read as a file of any length: `GET /exports/<name>?format=csv`, or
 * `ndjson`. They are read by a cursor of the server while the reader keeps up, all of one moment; to
 * a reader who pauses for more than a second, what comes later is told as it is by then.
 */
export function exportRows<A extends Allow, P extends Position, const Column extends string>(
  definition: RowsDefinition<A, P, Column>,
): ExportDefinition {
  return definition
}

/** Exports by the names that their paths end with. */
export type Exports = Readonly<Record<string, ExportDefinition>>

/** Where an export is found. */
export function pathOf(name: string): string {
  return `/exports/${name}`
}
