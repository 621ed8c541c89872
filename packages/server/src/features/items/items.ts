import { itemsExport } from './export.ts'
import { itemsRouter } from './router.ts'
import './tables.ts'

/** What users have in stock. */
export const items = { router: itemsRouter, exports: { items: itemsExport } }
