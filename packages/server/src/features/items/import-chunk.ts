import type { Db } from '@tautline/kit'

import type { Owner } from '../../owner.ts'
import { createManyItems } from './bulk-create.ts'
import { advanceImport, type ImportFault, type ImportPosition } from './import-queries.ts'
import type { FileRecord } from './import-records.ts'
import { checkRow, type CheckedRow } from './import-rows.ts'

/**
 * Bad rows that are told one by one; further ones are counted. A file that has more is not what its
 * owner thinks, and each of them is a row of ours.
 */
export const MAX_FAULTS = 200_000

/** What is being imported, for whom. */
export interface Importing {
  readonly taskId: string
  readonly owner: Owner
  readonly onConflict: 'skip' | 'update'
}

type NewItem = Extract<CheckedRow, { problem?: undefined }>['item']

/** Some records of the file, read as what they say. */
export interface Chunk {
  readonly rows: number
  readonly items: readonly NewItem[]
  readonly faults: readonly ImportFault[]
  /** Where the next one begins, in bytes of the file. */
  readonly end: number
}

/** Reads the records that follow a place. */
export function toChunk(records: readonly FileRecord[], { bytes, rows }: ImportPosition): Chunk {
  const items: NewItem[] = []
  const faults: ImportFault[] = []
  for (const [index, record] of records.entries()) {
    const checked = record.problem === undefined ? checkRow(record.value) : record
    if (checked.problem === undefined) items.push(checked.item)
    else faults.push({ row: rows + index + 1, problem: checked.problem })
  }
  return { rows: records.length, items, faults, end: records.at(-1)?.end ?? bytes }
}

/**
 * Writes a chunk and that it is done, in the one transaction that `db` is: after it both are there, or
 * neither. Returns where the next chunk begins.
 */
export async function writeChunk(
  db: Db,
  { taskId, owner, onConflict }: Importing,
  { from, chunk }: { readonly from: ImportPosition; readonly chunk: Chunk },
): Promise<ImportPosition> {
  const items = onConflict === 'update' ? lastOfEach(chunk.items) : chunk.items
  const written =
    items.length > 0
      ? await createManyItems(db, owner, { items: [...items], onConflict })
      : { created: 0, updated: 0, skipped: 0 }
  const overwritten = chunk.items.length - items.length
  const to = {
    bytes: chunk.end,
    rows: from.rows + chunk.rows,
    created: from.created + written.created,
    updated: from.updated + written.updated + overwritten,
    skipped: from.skipped + written.skipped,
    bad: from.bad + chunk.faults.length,
  }
  const faults = chunk.faults.slice(0, Math.max(0, MAX_FAULTS - from.bad))
  if (!(await advanceImport(db, { taskId, from, to, faults }))) {
    throw new Error('Another attempt has gone on with this import.')
  }
  return to
}

/**
 * The rows that are left when each overwrites those before it with its sku, as rows of different
 * chunks do. Postgres would refuse to overwrite one twice in a statement.
 */
function lastOfEach(items: readonly NewItem[]): NewItem[] {
  return [...new Map(items.map((item) => [item.sku, item])).values()]
}
