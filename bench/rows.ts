import { finished } from 'node:stream/promises'

import type { Client } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

/** A row of `items.bulkCreate`. */
export interface Row {
  readonly sku: string
  readonly name: string
  readonly quantity: number
  readonly priceMinor: bigint
}

export function makeRows(count: number): Row[] {
  return Array.from({ length: count }, (_, index) => ({
    sku: `sku-${String(index).padStart(6, '0')}`,
    name: `Item number ${index}`,
    quantity: index % 100,
    priceMinor: BigInt(1_000 + index),
  }))
}

/** The rows in the text format of `COPY`. */
export function toCopyText(rows: readonly Row[], ownerId: string): Buffer {
  const lines = rows.map(({ sku, name, quantity, priceMinor }) =>
    [ownerId, sku, name, quantity, priceMinor].join('\t'),
  )
  return Buffer.from(`${lines.join('\n')}\n`)
}

/** The fastest way into a table. The text stands ready: making it is not part of it. */
export async function copyRows(database: Client, text: Buffer): Promise<void> {
  const stream = database.query(
    copyFrom('copy item (owner_id, sku, name, quantity, price_minor) from stdin'),
  )
  stream.end(text)
  await finished(stream)
}

/** The statement of the server's `features/items/bulk-create.ts`, alone. */
export async function insertRows(
  database: Client,
  rows: readonly Row[],
  ownerId: string,
): Promise<void> {
  const { rowCount } = await database.query(
    `insert into item (owner_id, sku, name, quantity, price_minor)
    select $1, sku, name, quantity, price_minor
    from unnest($2::text[], $3::text[], $4::integer[], $5::bigint[])
      as input (sku, name, quantity, price_minor)
    on conflict (owner_id, tenant_id, sku) do nothing
    returning sku, id, xmax = 0 as created`,
    [
      ownerId,
      rows.map((row) => row.sku),
      rows.map((row) => row.name),
      rows.map((row) => row.quantity),
      rows.map((row) => row.priceMinor),
    ],
  )
  if (rowCount !== rows.length) throw new Error(`The statement wrote ${rowCount} rows.`)
}
