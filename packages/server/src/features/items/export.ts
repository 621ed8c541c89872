import { z } from 'zod'

import { exportRows } from '@tautline/kit'

import { ownerOf } from '../../owner.ts'
import { selectItemsAfter } from './queries.ts'
import { ItemId } from './schema.ts'

/** Of a time as it is exported: `2026-11-22T10:00:00.123456Z`. None is as old as the year 2000. */
const CreatedAt = z.iso.datetime({ precision: 6 }).startsWith('2')

export const itemsExport = exportRows({
  summary: 'All your items, the oldest first.',
  policy: { allow: 'user', limit: 'exports' },
  columns: ['id', 'sku', 'name', 'quantity', 'priceMinor', 'version', 'createdAt', 'updatedAt'],
  position: { createdAt: CreatedAt, id: ItemId },
  rows: (db, { principal, after }) => selectItemsAfter(db, ownerOf(principal), after),
})
