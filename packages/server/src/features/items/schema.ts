import { z } from 'zod'

import { defineError, MAX_PAGE_SIZE } from '@tautline/kit'

/** Rows of one `items.bulkCreate`. */
const MAX_BULK_ROWS = 10_000

/** Largest value of a Postgres bigint. */
const MAX_BIGINT = 2n ** 63n - 1n

/** Largest value of a Postgres integer. */
const MAX_INTEGER = 2 ** 31 - 1

/** Composed (NFC), as a search looks for it: the same letters are the same sku and the same name. */
const Sku = z.string().normalize().min(1).max(64)
const Name = z.string().normalize().min(1).max(200)
const Quantity = z.int().min(0).max(1_000_000_000)
const PriceMinor = z.bigint().min(0n).max(MAX_BIGINT)

/** Postgres writes ids in lower case, and so does whoever compares them. */
export const ItemId = z.uuid().toLowerCase()

export const NewItem = z.strictObject({
  sku: Sku,
  name: Name,
  quantity: Quantity.default(0),
  priceMinor: PriceMinor,
})

export const Item = z.object({
  id: ItemId,
  sku: z.string(),
  name: z.string(),
  quantity: z.int(),
  /** In the smallest unit of the currency. */
  priceMinor: z.bigint(),
  version: z.int(),
  createdAt: z.date(),
  updatedAt: z.date(),
})

export const ItemByIdInput = z.strictObject({ id: ItemId })

export const ListItemsInput = z.strictObject({
  limit: z.int().min(1).max(MAX_PAGE_SIZE).default(50),
  cursor: z.string().min(1).max(500).nullish(),
})

export const ItemPage = z.object({ items: z.array(Item), nextCursor: z.string().nullable() })

export const UpdateItemInput = z.strictObject({
  id: ItemId,
  /** The version that the caller has seen. */
  version: z.int().min(1).max(MAX_INTEGER),
  changes: z
    .strictObject({ name: Name, quantity: Quantity, priceMinor: PriceMinor })
    .partial()
    .refine((changes) => Object.keys(changes).length > 0, 'Name at least one change.'),
})

export const BulkCreateInput = z.strictObject({
  items: z.array(NewItem).min(1).max(MAX_BULK_ROWS),
  /**
   * What happens to a row whose sku the owner already has: `skip` keeps the item as it is,
   * `update` overwrites it, `fail` refuses the whole call.
   */
  onConflict: z.enum(['skip', 'update', 'fail']).default('fail'),
})

export const BulkCreateOutput = z.object({
  created: z.int(),
  updated: z.int(),
  skipped: z.int(),
  /** One for each row of the input, in its order. A sku that came before in the input is skipped. */
  results: z.array(
    z.discriminatedUnion('status', [
      z.object({ status: z.literal('created'), id: ItemId }),
      z.object({ status: z.literal('updated'), id: ItemId }),
      z.object({ status: z.literal('skipped') }),
    ]),
  ),
})

export const ITEM_NOT_FOUND = defineError('ITEM_NOT_FOUND', {
  code: 'NOT_FOUND',
  message: 'You have no such item.',
})

export const TakenSkus = z.object({ skus: z.array(z.string()) })

export const SKU_TAKEN = defineError('SKU_TAKEN', {
  code: 'CONFLICT',
  message: 'You already have an item with this sku.',
  data: TakenSkus,
})

export const CurrentVersion = z.object({ currentVersion: z.int() })

export const VERSION_CONFLICT = defineError('VERSION_CONFLICT', {
  code: 'CONFLICT',
  message: 'The item has changed since you read it.',
  data: CurrentVersion,
})
