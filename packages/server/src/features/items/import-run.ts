import type { z } from 'zod'

import { Failure, FILE_NOT_FOUND, type TaskContext } from '@tautline/kit'

import { ownerTag } from '../../owner.ts'
import { toChunk, writeChunk } from './import-chunk.ts'
import { openImport, type ImportFile } from './import-file.ts'
import { beginImport, findFaults, type ImportPosition } from './import-queries.ts'
import type { FileRecord } from './import-records.ts'
import { REPORT_NAME, reportOf } from './import-report.ts'
import type { ImportTaskInput, ImportTaskOutput } from './import-schema.ts'

type Input = z.output<typeof ImportTaskInput>
type Context = Pick<
  TaskContext,
  'task' | 'signal' | 'files' | 'cache' | 'read' | 'transaction' | 'progress'
>

/** Records of one transaction: it is over in a fraction of what a transaction of a task may take. */
const CHUNK_RECORDS = 1_000

/** Bad rows that are read at a time. */
const FAULTS_AT_ONCE = 1_000

/**
 * One attempt at an import. It goes on behind the last chunk that was committed, whoever committed
 * it: a chunk, its bad rows and the place behind it are one transaction, so none is lost or doubled.
 */
export async function runImport(
  ctx: Context,
  input: Input,
): Promise<z.input<typeof ImportTaskOutput>> {
  const { owner } = ctx.task
  await using open = await ctx.files.open(owner, input.fileId)
  if (!open) throw new Failure(FILE_NOT_FOUND)
  const file = await openImport(open, input.format)
  const done = await importRecords(ctx, file, input)
  ctx.progress(file.size, file.size, told(done))
  const { created, updated, skipped, bad } = done
  const reportId = bad > 0 ? await keepReport(ctx, bad) : null
  return { created, updated, skipped, bad, reportId }
}

/** Imports what is left of the file. */
async function importRecords(
  ctx: Context,
  file: ImportFile,
  { owner, onConflict }: Input,
): Promise<ImportPosition> {
  const importing = { taskId: ctx.task.id, owner, onConflict }
  let position = await ctx.transaction((db) => beginImport(db, ctx.task.id))
  for await (const records of inChunks(file.records(position.bytes))) {
    ctx.signal.throwIfAborted() // also where so much is passed over that no chunk comes about
    if (records.length === 0) continue
    const [from, chunk] = [position, toChunk(records, position)]
    position = await ctx.transaction(async (db) => {
      if (chunk.items.length > 0) await ctx.cache.invalidate([ownerTag(owner.ownerId)])
      return writeChunk(db, importing, { from, chunk })
    })
    ctx.progress(position.bytes, file.size, told(position))
  }
  return position
}

/** Full chunks, then the rest; and an empty one now and then while there is none. */
async function* inChunks(
  batches: AsyncIterable<readonly FileRecord[]>,
): AsyncGenerator<readonly FileRecord[], void> {
  let waiting: FileRecord[] = []
  for await (const batch of batches) {
    waiting.push(...batch)
    while (waiting.length >= CHUNK_RECORDS) {
      yield waiting.slice(0, CHUNK_RECORDS)
      waiting = waiting.slice(CHUNK_RECORDS)
    }
    if (batch.length === 0) yield []
  }
  yield waiting
}

function told({ rows, bad }: ImportPosition): string {
  const count = (rows - bad).toLocaleString('en')
  return bad === 0 ? `${count} rows` : `${count} rows, and ${bad.toLocaleString('en')} bad ones`
}

/**
 * Makes the file that tells of the bad rows. Another attempt at the same import makes the same file of
 * the same key, which is there once.
 */
async function keepReport({ task, files, read, signal }: Context, bad: number): Promise<string> {
  const source = reportOf(bad, (after) =>
    read((db) => findFaults(db, { taskId: task.id, after, limit: FAULTS_AT_ONCE })),
  )
  const key = `items.import ${task.id}`
  const { id } = await files.create(task.owner, { name: REPORT_NAME, source, key, signal })
  return id
}
