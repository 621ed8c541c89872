import type { z } from 'zod'

import { Failure, violatedConstraint, type Db } from '@tautline/kit'

import type { Owner } from '../../owner.ts'
import { deleteItem, findItem, insertItem, updateItem } from './queries.ts'
import {
  ITEM_NOT_FOUND,
  SKU_TAKEN,
  VERSION_CONFLICT,
  type ItemByIdInput,
  type NewItem,
  type UpdateItemInput,
} from './schema.ts'

/*
 * The changes of one item, as a call of its own and a batch make them. Each throws the failures of
 * its procedure.
 */

/** Throws `SKU_TAKEN`; the transaction, or the savepoint, is lost then. */
export async function createItem(
  db: Db,
  owner: Owner,
  { priceMinor, ...rest }: z.output<typeof NewItem>,
) {
  try {
    return await insertItem(db, owner, { ...rest, price_minor: priceMinor })
  } catch (error) {
    if (violatedConstraint(error) !== 'item_owner_sku_key') throw error
    throw new Failure(SKU_TAKEN, { data: { skus: [rest.sku] } })
  }
}

/** Throws `ITEM_NOT_FOUND`, or `VERSION_CONFLICT` for an item that has changed since. */
export async function changeItem(
  db: Db,
  owner: Owner,
  { id, version, changes }: z.output<typeof UpdateItemInput>,
) {
  const own = { ...owner, id }
  const { name, quantity, priceMinor } = changes
  const updated = await updateItem(
    db,
    { ...own, version },
    {
      ...(name !== undefined && { name }),
      ...(quantity !== undefined && { quantity }),
      ...(priceMinor !== undefined && { price_minor: priceMinor }),
    },
  )
  if (updated) return updated
  const current = await findItem(db, own)
  if (!current) throw new Failure(ITEM_NOT_FOUND)
  throw new Failure(VERSION_CONFLICT, { data: { currentVersion: current.version } })
}

/** Throws `ITEM_NOT_FOUND`. */
export async function removeItem(db: Db, owner: Owner, { id }: z.output<typeof ItemByIdInput>) {
  const deleted = await deleteItem(db, { ...owner, id })
  if (!deleted) throw new Failure(ITEM_NOT_FOUND)
  return deleted
}
