import { itemsExport } from './export.ts'
import { importCleanupLoop } from './import-cleanup.ts'
import { itemsRouter } from './router.ts'
import { importTask } from './tasks.ts'
import './tables.ts'

/** What users have in stock. */
export const items = {
  router: itemsRouter,
  exports: { items: itemsExport },
  tasks: [importTask],
  loops: { forget_imports: importCleanupLoop },
}
