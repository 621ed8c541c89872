import type { FeatureLoop, Resources } from '@tautline/kit'

import { deleteFaults, deleteImport, findSpentImports } from './import-queries.ts'

/** Imports that are looked for at a time. */
const BATCH_IMPORTS = 50

/** Rows of one statement: it must not keep others waiting. */
const BATCH_ROWS = 1_000

/** One turn: forgets how far imports were whose end has come. It ends early when `signal` aborts. */
async function forgetImports({ db }: Pick<Resources, 'db'>, signal: AbortSignal): Promise<void> {
  for (;;) {
    const spent = await findSpentImports(db, BATCH_IMPORTS)
    for (const taskId of spent) {
      while (!signal.aborted && (await deleteFaults(db, taskId, BATCH_ROWS)) === BATCH_ROWS);
      if (signal.aborted) return
      await deleteImport(db, taskId)
    }
    if (spent.length < BATCH_IMPORTS) return
  }
}

/** Takes away what imports needed to go on. */
export const importCleanupLoop: FeatureLoop = {
  everyMs: 60_000,
  runsIn: 'one process',
  run: forgetImports,
}
