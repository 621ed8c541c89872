import { task } from '@tautline/kit'

import { runImport } from './import-run.ts'
import { ImportTaskInput, ImportTaskOutput } from './import-schema.ts'

/** Longest attempt, in milliseconds; the next one goes on where it was. */
const TIMEOUT_MS = 60 * 60_000

/**
 * Imports a file of its owner's as items. A row that is no item is told of in the report, and stops
 * nothing. One that failed or was cancelled has done what it has done; tried again, it goes on there.
 */
export const importTask = task({
  name: 'items.import',
  summary: 'Imports a CSV or NDJSON file as items, and reports rows that are none.',
  input: ImportTaskInput,
  output: ImportTaskOutput,
  // Long ones meet more of what passes by itself.
  retry: { limit: 20, baseMs: 500, capMs: 60_000 },
  timeoutMs: TIMEOUT_MS,
  // Each keeps a processor busy for a good part of the time.
  concurrency: 2,
  run: ({ ctx, input }) => runImport(ctx, input),
})
