import { z } from 'zod'

import { Failure, mutation, query, toPage, violatedConstraint } from '@tautline/kit'

import { bulkCreateItems } from './bulk-create.ts'
import { deleteItem, findItem, insertItem, listItems, updateItem } from './queries.ts'
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

const create = mutation({
  summary: 'Creates an item.',
  input: NewItem,
  output: Item,
  errors: [SKU_TAKEN],
  policy: { allow: 'user' },
  async run({ ctx, input }) {
    const { priceMinor, ...rest } = input
    const item = { ...rest, price_minor: priceMinor, owner_id: ctx.principal.userId }
    try {
      return await insertItem(ctx.db, item)
    } catch (error) {
      if (violatedConstraint(error) !== 'item_owner_sku_key') throw error
      throw new Failure(SKU_TAKEN, { data: { skus: [input.sku] } })
    }
  },
})

const bulkCreate = mutation({
  summary: 'Creates up to 10,000 items in one statement; each row is told what became of it.',
  input: BulkCreateInput,
  output: BulkCreateOutput,
  errors: [SKU_TAKEN],
  policy: { allow: 'user', maxBodyBytes: 8_000_000 },
  run: ({ ctx, input }) => bulkCreateItems(ctx.db, ctx.principal.userId, input),
})

const get = query({
  summary: 'One item by its id.',
  input: ItemByIdInput,
  output: Item,
  errors: [ITEM_NOT_FOUND],
  policy: { allow: 'user' },
  async run({ ctx, input }) {
    const item = await findItem(ctx.db, { id: input.id, ownerId: ctx.principal.userId })
    if (!item) throw new Failure(ITEM_NOT_FOUND)
    return item
  },
})

const list = query({
  summary: 'Your items, newest first, page by page.',
  input: ListItemsInput.default({ limit: 50 }),
  output: ItemPage,
  policy: { allow: 'user' },
  async run({ ctx, input: { cursor, limit } }) {
    const cursors = ctx.cursors({})
    const [createdAt = '', id = ''] = cursor ? cursors.open(cursor) : []
    const after = cursor ? { createdAt, id } : undefined
    const rows = await listItems(ctx.db, { ownerId: ctx.principal.userId, after, limit })
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
  policy: { allow: 'user' },
  async run({ ctx, input: { id, version, changes } }) {
    const own = { id, ownerId: ctx.principal.userId }
    const { name, quantity, priceMinor } = changes
    const updated = await updateItem(
      ctx.db,
      { ...own, version },
      {
        ...(name !== undefined && { name }),
        ...(quantity !== undefined && { quantity }),
        ...(priceMinor !== undefined && { price_minor: priceMinor }),
      },
    )
    if (updated) return updated
    const current = await findItem(ctx.db, own)
    if (!current) throw new Failure(ITEM_NOT_FOUND)
    throw new Failure(VERSION_CONFLICT, { data: { currentVersion: current.version } })
  },
})

const remove = mutation({
  summary: 'Deletes an item.',
  input: ItemByIdInput,
  output: z.object({ id: ItemId }),
  errors: [ITEM_NOT_FOUND],
  policy: { allow: 'user' },
  async run({ ctx, input }) {
    const deleted = await deleteItem(ctx.db, { id: input.id, ownerId: ctx.principal.userId })
    if (!deleted) throw new Failure(ITEM_NOT_FOUND)
    return deleted
  },
})

export const itemsRouter = { create, bulkCreate, get, list, update, delete: remove }
