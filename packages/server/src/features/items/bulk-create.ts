import { sql } from 'kysely'
import type { z } from 'zod'

import { Failure, type Db } from '@tautline/kit'

import type { Owner } from '../../owner.ts'
import { SKU_TAKEN, type BulkCreateInput, type BulkCreateOutput } from './schema.ts'

type BulkCreate = z.output<typeof BulkCreateInput>
type Output = z.input<typeof BulkCreateOutput>

/** Skus told back when a call is refused for them. */
const MAX_SKUS_TOLD = 10

interface Written {
  sku: string
  id: string
  created: boolean
}

/**
 * Inserts up to 10,000 rows in one statement. A sku that stands twice in the input is written
 * once, as it stands first. Throws `SKU_TAKEN` when `onConflict` is `fail` and a sku exists.
 */
export async function createManyItems(
  db: Db,
  owner: Owner,
  { items, onConflict }: BulkCreate,
): Promise<Output> {
  const bySku = new Map<string, BulkCreate['items'][number]>()
  for (const item of items) if (!bySku.has(item.sku)) bySku.set(item.sku, item)

  // All write in one order, and so wait for each other, never in a circle.
  const inOrder = [...bySku.values()].toSorted((a, b) => (a.sku < b.sku ? -1 : 1))
  const written = await writeItems(db, owner, { items: inOrder, onConflict })
  if (onConflict === 'fail' && written.length < bySku.size) {
    for (const { sku } of written) bySku.delete(sku)
    throw new Failure(SKU_TAKEN, { data: { skus: [...bySku.keys()].slice(0, MAX_SKUS_TOLD) } })
  }
  return toOutput(items, written)
}

/** One array a column: six parameters, however many rows. */
async function writeItems(
  db: Db,
  { ownerId, tenantId }: Owner,
  { items, onConflict }: BulkCreate,
): Promise<Written[]> {
  const { rows } = await sql<Written>`
    insert into item (owner_id, tenant_id, sku, name, quantity, price_minor)
    select ${ownerId}, ${tenantId}, sku, name, quantity, price_minor
    from unnest(
      ${items.map((item) => item.sku)}::text[],
      ${items.map((item) => item.name)}::text[],
      ${items.map((item) => item.quantity)}::integer[],
      ${items.map((item) => item.priceMinor)}::bigint[]
    ) as input (sku, name, quantity, price_minor)
    on conflict (owner_id, tenant_id, sku) ${onConflict === 'update' ? overwrite : sql`do nothing`}
    returning sku, id, xmax = 0 as created`.execute(db)
  return rows
}

const overwrite = sql`do update set
  name = excluded.name,
  quantity = excluded.quantity,
  price_minor = excluded.price_minor,
  version = item.version + 1,
  updated_at = now()`

function toOutput(items: BulkCreate['items'], written: readonly Written[]): Output {
  const bySku = new Map(written.map((row) => [row.sku, row]))
  const output: Output = { created: 0, updated: 0, skipped: 0, results: [] }
  for (const { sku } of items) {
    const row = bySku.get(sku)
    bySku.delete(sku) // the sku's next row in the input finds nothing and is skipped
    const result: Output['results'][number] = row
      ? { status: row.created ? 'created' : 'updated', id: row.id }
      : { status: 'skipped' }
    output[result.status]++
    output.results.push(result)
  }
  return output
}
