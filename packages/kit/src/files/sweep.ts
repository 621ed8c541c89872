import type { Db } from '../db/database.ts'
import type { FileStorage } from '../platform/file-storage/file-storage.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'
import { deleteUnclaimed, doomOverdue } from './queries.ts'

/** Files whose bytes are removed at the same time. */
const BATCH_FILES = 50

/** Batches of one turn: there is another one soon. */
const MAX_BATCHES = 20

interface SweepParts {
  readonly storage: FileStorage
  readonly db: Db
  readonly log: Logger
  readonly metrics: Metrics
}

/**
 * Removes bytes that are no file's. It commits first that no file can be made of them, and forgets
 * them last: one that ends in between is repeated after a minute, and so are those whose removal fails.
 */
export async function sweepUnclaimed(parts: SweepParts, signal: AbortSignal): Promise<void> {
  const { storage, db, log, metrics } = parts

  async function removed(storageKey: string): Promise<string[]> {
    try {
      await storage.remove(storageKey)
      return [storageKey]
    } catch (error) {
      log.warn({ err: error }, 'bytes of a deleted file cannot be removed')
      return []
    }
  }

  for (let batch = 0; batch < MAX_BATCHES && !signal.aborted; batch++) {
    const overdue = await doomOverdue(db, BATCH_FILES)
    const gone = (await Promise.all(overdue.map(removed))).flat()
    if (gone.length > 0) await deleteUnclaimed(db, gone)
    metrics.count('files_swept_total', undefined, gone.length)
    if (overdue.length < BATCH_FILES) return
  }
}
