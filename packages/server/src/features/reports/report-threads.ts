import { availableParallelism, platform } from 'node:os'

import { Piscina } from 'piscina'

import { commonErrors, Failure } from '@tautline/kit'

import type { ReportJob } from './compute-report.ts'
import type { ReportData } from './schema.ts'

/** All cores but one, which is for who answers. */
export const THREADS = Math.max(1, availableParallelism() - 1)

/** Reports that wait for a thread at most: while one that was told to end makes room for the next. */
const MAX_WAITING = THREADS

/** Before the next try where there was no room, in milliseconds. */
const RETRY_AFTER_MS = 2_000

/** A report of the most items takes a third of it. */
const MAX_HEAP_MB = 512

/**
 * By how much the threads give way to the one that answers, on a core that they share. Elsewhere than
 * on Linux it would be the whole process that gives way.
 */
const NICE = platform() === 'linux' ? 10 : 0

/** Threads that make reports, so that a report stops nobody who asks for something else meanwhile. */
export interface ReportThreads {
  /**
   * Ends its thread with the signal, and throws the signal's reason then; throws `OVERLOADED` when too
   * many are waiting.
   */
  run(job: ReportJob, signal: AbortSignal): Promise<ReportData>
}

/** They start with the first report, end when idle, and never keep a process alive. */
export function createReportThreads({ maxThreads = THREADS } = {}): ReportThreads {
  const pool = new Piscina<ReportJob, ReportData>({
    filename: workerFile(),
    minThreads: 0,
    maxThreads,
    maxQueue: MAX_WAITING,
    idleTimeout: 10_000,
    niceIncrement: NICE,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  })
  return {
    async run(job, signal) {
      signal.throwIfAborted()
      if (pool.queueSize >= MAX_WAITING) {
        throw new Failure(commonErrors.OVERLOADED, { retryAfterMs: RETRY_AFTER_MS })
      }
      try {
        return await pool.run(job, { signal })
      } catch (error) {
        signal.throwIfAborted()
        throw error
      }
    },
  }
}

/** The worker beside this file: `.ts` from source, `.js` once built. */
function workerFile(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./report-worker.${extension}`, import.meta.url).href
}
