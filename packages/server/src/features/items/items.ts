import { itemsRouter } from './router.ts'
import './tables.ts'

/** What users have in stock. */
export const items = { router: itemsRouter }
