import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

/** `item`: something that a user has in stock. */
export interface ItemTable {
  id: GeneratedAlways<string>
  owner_id: string
  /** Empty for an owner without a tenant. */
  tenant_id: string
  /** Stock keeping unit: the owner's own name for it, unique per owner. */
  sku: string
  name: string
  quantity: number
  /** Price in the smallest unit of its currency. */
  price_minor: bigint
  /** Goes up by one with every update. */
  version: Generated<number>
  created_at: ColumnType<Date, never, never>
  updated_at: ColumnType<Date, never, Date>
}

declare module '@tautline/kit' {
  interface Database {
    item: ItemTable
  }
}
