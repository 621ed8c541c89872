import { z } from 'zod'

import { Failure, mutation, query, toPage } from '@tautline/kit'

import { ownerOf } from '../../owner.ts'
import { BATCH_FAILED, BatchInput, BatchOutput } from './batch-schema.ts'
import { applyBatch } from './batch.ts'
import { createManyItems } from './bulk-create.ts'
import { changeItem, createItem, removeItem } from './changes.ts'
import { importItems } from './import.ts'
import { findItem, listItems } from './queries.ts'
import { search } from './router-search.ts'
import {
  BulkCreateInput,
  BulkCreateOutput,
  Item,
  ITEM_NOT_FOUND,
  ItemByIdInput,
  ItemId,
  ItemPage,
  ListItemsInput,
  NewItem,
  SKU_TAKEN,
  UpdateItemInput,
  VERSION_CONFLICT,
} from './schema.ts'
import { callerTag, itemsTag, itemTag } from './tags.ts'

/** How long an answer is kept: so long may a change go unseen that was made past this backend. */
const KEPT_MS = 30_000

const create = mutation({
  summary: 'Creates an item.',
  input: NewItem,
  output: Item,
  errors: [SKU_TAKEN],
  policy: {
    allow: 'user',
    limit: 'writes',
    idempotent: 'optional',
    invalidates: ({ caller }) => [itemsTag(caller)],
  },
  run: ({ ctx, input }) => createItem(ctx.db, ownerOf(ctx.principal), input),
})

const bulkCreate = mutation({
  summary: 'Creates up to 10,000 items in one statement; each row is told what became of it.',
  input: BulkCreateInput,
  output: BulkCreateOutput,
  errors: [SKU_TAKEN],
  policy: {
    allow: { scope: 'items:import' },
    idempotent: 'optional',
    limit: 'importedRows',
    cost: ({ items }) => items.length,
    priority: 'sheddable',
    concurrency: { max: 2, queue: 2 },
    maxBodyBytes: 8_000_000,
    invalidates: ({ caller }) => [callerTag(caller)],
  },
  run: ({ ctx, input }) => createManyItems(ctx.db, ownerOf(ctx.principal), input),
})

const batch = mutation({
  summary:
    'Creates, changes and deletes up to 1,000 items; each operation is told what became of it.',
  input: BatchInput,
  output: BatchOutput,
  errors: [BATCH_FAILED],
  policy: {
    allow: 'user',
    idempotent: 'optional',
    limit: 'writes',
    cost: ({ operations }) => operations.length,
    priority: 'sheddable',
    // All callers of a process share these: room for more than one of them, and nobody has it for long.
    concurrency: { max: 2, queue: 8 },
    timeoutMs: 15_000,
    queries: { max: 2_020 }, // a refused update asks twice
    maxBodyBytes: 2_000_000,
    invalidates: ({ caller }) => [callerTag(caller)],
  },
  run: ({ ctx, input }) => applyBatch(ctx, ownerOf(ctx.principal), input),
})

const get = query({
  summary: 'One item by its id.',
  input: ItemByIdInput,
  output: Item,
  errors: [ITEM_NOT_FOUND],
  policy: {
    allow: 'user',
    limit: 'reads',
    cache: {
      ttlMs: KEPT_MS,
      scope: 'caller',
      tags: ({ id }, caller) => [itemTag(caller, id), callerTag(caller)],
    },
  },
  async run({ ctx, input }) {
    const item = await findItem(ctx.db, { ...ownerOf(ctx.principal), id: input.id })
    if (!item) throw new Failure(ITEM_NOT_FOUND)
    return item
  },
})

const list = query({
  summary: 'Your items, newest first, page by page.',
  input: ListItemsInput.default({ limit: 50 }),
  output: ItemPage,
  policy: {
    allow: 'user',
    limit: 'reads',
    cache: {
      ttlMs: KEPT_MS,
      scope: 'caller',
      tags: (_, caller) => [itemsTag(caller), callerTag(caller)],
    },
  },
  async run({ ctx, input: { cursor, limit } }) {
    const cursors = ctx.cursors({})
    const [createdAt = '', id = ''] = cursor ? cursors.open(cursor) : []
    const after = cursor ? { createdAt, id } : undefined
    const rows = await listItems(ctx.db, { ...ownerOf(ctx.principal), after, limit })
    return toPage(rows, limit, {
      item: ({ position: _, ...item }) => item,
      cursor: (row) => cursors.seal([row.position, row.id]),
    })
  },
})

const update = mutation({
  summary: 'Changes an item, if it is still the one that you have seen.',
  input: UpdateItemInput,
  output: Item,
  errors: [ITEM_NOT_FOUND, VERSION_CONFLICT],
  policy: {
    allow: 'user',
    limit: 'writes',
    idempotent: 'optional',
    invalidates: ({ input, caller }) => [itemTag(caller, input.id), itemsTag(caller)],
  },
  run: ({ ctx, input }) => changeItem(ctx.db, ownerOf(ctx.principal), input),
})

const remove = mutation({
  summary: 'Deletes an item.',
  input: ItemByIdInput,
  output: z.object({ id: ItemId }),
  errors: [ITEM_NOT_FOUND],
  policy: {
    allow: 'user',
    limit: 'writes',
    idempotent: 'optional',
    invalidates: ({ input, caller }) => [itemTag(caller, input.id), itemsTag(caller)],
  },
  run: ({ ctx, input }) => removeItem(ctx.db, ownerOf(ctx.principal), input),
})

export const itemsRouter = {
  create,
  bulkCreate,
  batch,
  get,
  list,
  search,
  update,
  delete: remove,
  import: importItems,
}
