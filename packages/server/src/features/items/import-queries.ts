import { sql } from 'kysely'

import type { Db } from '@tautline/kit'

import './import-tables.ts'

/** How far an import is. */
export interface ImportPosition {
  /** Of the file: everything before is done. */
  readonly bytes: number
  readonly rows: number
  readonly created: number
  readonly updated: number
  readonly skipped: number
  readonly bad: number
}

type Counts = Record<keyof ImportPosition, bigint>

const columns = ['bytes', 'rows', 'created', 'updated', 'skipped', 'bad'] as const

/** Where an import goes on: at the beginning, when nothing of it was done. */
export async function beginImport(db: Db, taskId: string): Promise<ImportPosition> {
  const counts: Counts = await db
    .insertInto('item_import')
    .values({ task_id: taskId })
    .onConflict((conflict) =>
      // What is there is returned only if it is written.
      conflict.column('task_id').doUpdateSet({ bytes: sql`item_import.bytes` }),
    )
    .returning(columns)
    .executeTakeFirstOrThrow()
  return {
    bytes: Number(counts.bytes),
    rows: Number(counts.rows),
    created: Number(counts.created),
    updated: Number(counts.updated),
    skipped: Number(counts.skipped),
    bad: Number(counts.bad),
  }
}

/** A row that is no item. */
export interface ImportFault {
  readonly row: number
  readonly problem: string
}

/** A piece of an import that is done. */
export interface ImportPiece {
  readonly taskId: string
  readonly from: ImportPosition
  readonly to: ImportPosition
  readonly faults: readonly ImportFault[]
}

/** Writes that a piece is done. Says whether it was the next one: no piece is ever done twice. */
export async function advanceImport(
  db: Db,
  { taskId, from, to, faults }: ImportPiece,
): Promise<boolean> {
  const { rows } = await sql`
    with moved as (
      update item_import set
        bytes = ${to.bytes}, rows = ${to.rows}, created = ${to.created},
        updated = ${to.updated}, skipped = ${to.skipped}, bad = ${to.bad}
      where task_id = ${taskId} and bytes = ${from.bytes} and rows = ${from.rows}
      returning task_id
    ), told as (
      insert into item_import_fault (task_id, row_number, problem)
      select task_id, row_number, problem
      from moved, unnest(
        ${faults.map(({ row }) => row)}::bigint[], ${faults.map(({ problem }) => problem)}::text[]
      ) as fault (row_number, problem)
    )
    select task_id from moved`.execute(db)
  return rows.length === 1
}

/** What was wrong with rows after one, in their order. */
export async function findFaults(
  db: Db,
  {
    taskId,
    after,
    limit,
  }: { readonly taskId: string; readonly after: number; readonly limit: number },
): Promise<ImportFault[]> {
  const rows = await db
    .selectFrom('item_import_fault')
    .select(['row_number', 'problem'])
    .where('task_id', '=', taskId)
    .where('row_number', '>', sql<bigint>`${after}::bigint`)
    .orderBy('row_number')
    .limit(limit)
    .execute()
  return rows.map(({ row_number, problem }) => ({ row: Number(row_number), problem }))
}

/**
 * Imports that nothing will ever be asked of again: their task has succeeded, or is gone. One that
 * failed or was cancelled may be tried anew, and goes on where it was.
 */
export async function findSpentImports(db: Db, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('item_import')
    .select('task_id')
    .where((build) =>
      build.not(
        build.exists(
          build
            .selectFrom('tautline.task')
            .select('tautline.task.id')
            .whereRef('tautline.task.id', '=', 'item_import.task_id')
            .where('tautline.task.state', '<>', 'succeeded'),
        ),
      ),
    )
    .orderBy('task_id')
    .limit(limit)
    .execute()
  return rows.map(({ task_id }) => task_id)
}

/** Deletes up to `limit` faults of an import. Returns how many. */
export async function deleteFaults(db: Db, taskId: string, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from item_import_fault where task_id = ${taskId} and row_number in (
      select row_number from item_import_fault where task_id = ${taskId}
      order by row_number limit ${limit})`.execute(db)
  return Number(numAffectedRows ?? 0)
}

/** Forgets an import that has no faults left. */
export async function deleteImport(db: Db, taskId: string): Promise<void> {
  await db.deleteFrom('item_import').where('task_id', '=', taskId).execute()
}
