import { readFile } from 'node:fs/promises'

import type { Client } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

/** One row of what `items.bulkCreate` takes, as the server defines it. */
type NewItem = Parameters<Client<AppRouter>['items']['bulkCreate']['mutate']>[0]['items'][number]

/** Reads `sku,name,quantity,price` under one line of titles; the file has no quoted fields. */
export async function readItems(file: URL): Promise<NewItem[]> {
  const [, ...lines] = (await readFile(file, 'utf8')).trim().split(/\r?\n/)
  return lines.map((line) => {
    const [sku = '', name = '', quantity = '', price = ''] = line.split(',')
    return { sku, name, quantity: Number(quantity), priceMinor: toMinor(price) }
  })
}

/** `19.90` are 1990 cents. Through a number, 1.15 would become 114.99999999999999. */
function toMinor(price: string): bigint {
  const [whole = '', cents = ''] = price.split('.')
  return BigInt(whole + cents.padEnd(2, '0'))
}
