import { z } from 'zod'

import { defineError } from '@tautline/kit'

import {
  Item,
  ITEM_NOT_FOUND,
  ItemByIdInput,
  ItemId,
  NewItem,
  SKU_TAKEN,
  TakenSkus,
  UpdateItemInput,
  VERSION_CONFLICT,
  CurrentVersion,
} from './schema.ts'

/** Operations of one `items.batch`. */
const MAX_OPERATIONS = 1_000

const Mode = z.enum(['all', 'each'])

export const BatchInput = z.strictObject({
  /**
   * What happens when an operation is refused: `all` refuses the whole call, and nothing is changed;
   * `each` undoes that one operation and goes on with the next.
   */
  mode: Mode,
  /** Applied one after the other: each sees what those before it have done. */
  operations: z
    .array(
      z.discriminatedUnion('op', [
        z.strictObject({ op: z.literal('create'), item: NewItem }),
        z.strictObject({ op: z.literal('update'), ...UpdateItemInput.shape }),
        z.strictObject({ op: z.literal('delete'), ...ItemByIdInput.shape }),
      ]),
    )
    .min(1)
    .max(MAX_OPERATIONS),
})

/** Why one operation was refused: what its own procedure would have failed with. */
function refusalWith<Shape extends z.ZodRawShape>(shape: Shape) {
  const message = z.string()
  return z.discriminatedUnion('reason', [
    z.object({ ...shape, reason: z.literal(SKU_TAKEN.reason), message, data: TakenSkus }),
    z.object({ ...shape, reason: z.literal(ITEM_NOT_FOUND.reason), message }),
    z.object({
      ...shape,
      reason: z.literal(VERSION_CONFLICT.reason),
      message,
      data: CurrentVersion,
    }),
  ])
}

export const Refusal = refusalWith({})

export const BatchOutput = z.object({
  mode: Mode,
  applied: z.int(),
  failed: z.int(),
  /** One for each operation, in the order of the input. */
  results: z.array(
    z.discriminatedUnion('status', [
      z.object({ status: z.literal('created'), item: Item }),
      z.object({ status: z.literal('updated'), item: Item }),
      z.object({ status: z.literal('deleted'), id: ItemId }),
      refusalWith({ status: z.literal('failed') }),
    ]),
  ),
})

export const BATCH_FAILED = defineError('BATCH_FAILED', {
  code: 'CONFLICT',
  message: 'An operation of the batch was refused, and nothing was changed.',
  /** `index` is the operation's place in the input, from 0 on. */
  data: refusalWith({ index: z.int() }),
})
