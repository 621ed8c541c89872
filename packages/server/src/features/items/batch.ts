import type { z } from 'zod'

import { Failure, isFailure, type CallContext, type Db } from '@tautline/kit'

import type { Owner } from '../../owner.ts'
import { BATCH_FAILED, Refusal, type BatchInput, type BatchOutput } from './batch-schema.ts'
import { changeItem, createItem, removeItem } from './changes.ts'
import { lockItems } from './queries.ts'

type Batch = z.output<typeof BatchInput>
type Operation = Batch['operations'][number]
type Output = z.input<typeof BatchOutput>
type Result = Output['results'][number]

/**
 * Applies up to 1,000 operations in their order, each in a savepoint of the call's transaction.
 * When the mode is `all`, throws `BATCH_FAILED` for the first one that is refused. What is no refusal
 * of one operation, such as a broken connection or a bug, fails the whole call in either mode.
 */
export async function applyBatch(
  ctx: Pick<CallContext, 'db' | 'transaction'>,
  owner: Owner,
  { mode, operations }: Batch,
): Promise<Output> {
  const ids = operations.flatMap((operation) => (operation.op === 'create' ? [] : [operation.id]))
  await lockItems(ctx.db, { ...owner, ids })
  const results: Result[] = []
  for (const [index, operation] of operations.entries()) {
    try {
      // Until its savepoint is released nobody knows that an operation was applied.
      results.push(await ctx.transaction((db) => applyOne(db, owner, operation)))
    } catch (error) {
      const refusal = toRefusal(error)
      if (mode === 'all') throw new Failure(BATCH_FAILED, { data: { index, ...refusal } })
      results.push({ status: 'failed', ...refusal })
    }
  }
  const failed = results.filter(({ status }) => status === 'failed').length
  return { mode, applied: results.length - failed, failed, results }
}

async function applyOne(db: Db, owner: Owner, operation: Operation): Promise<Result> {
  switch (operation.op) {
    case 'create':
      return { status: 'created', item: await createItem(db, owner, operation.item) }
    case 'update':
      return { status: 'updated', item: await changeItem(db, owner, operation) }
    case 'delete':
      return { status: 'deleted', ...(await removeItem(db, owner, operation)) }
  }
}

/** The refusal that an error is. Throws the error when it is none: nobody may be told that it was. */
function toRefusal(error: unknown): z.output<typeof Refusal> {
  if (!isFailure(error)) throw error
  const { reason, message, details } = error
  const refusal = Refusal.safeParse({ reason, message, data: details.data })
  if (!refusal.success) throw error
  return refusal.data
}
