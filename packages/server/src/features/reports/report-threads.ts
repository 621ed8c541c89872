import { platform } from 'node:os'

import { Piscina } from 'piscina'

import { WORK_CORES } from '../../heavy-work.ts'
import type { Turns } from '../../turns.ts'
import type { ReportJob } from './compute-report.ts'
import type { ReportData } from './schema.ts'

/** A report of the most items takes a third of it. */
const MAX_HEAP_MB = 512

/** Before a thread that has nothing to do ends, in milliseconds. */
const IDLE_TIMEOUT_MS = 10_000

/**
 * By how much the threads give way to the one that answers, on a core that they share. Elsewhere than
 * on Linux it would be the whole process that gives way.
 */
const NICE = platform() === 'linux' ? 10 : 0

export interface ReportThreadsOptions {
  /** The line that reports stand in, with whatever else keeps a core busy. */
  readonly turns: Turns
  /** As many as have a turn at the same time. */
  readonly maxThreads?: number
  /** Memory of each. */
  readonly maxHeapMb?: number
}

/** Threads that make reports, so that a report stops nobody who asks for something else meanwhile. */
export interface ReportThreads {
  /**
   * Reads what the report is about by `read` when it has a turn, which keeps a core busy as well. Ends its
   * thread with the signal, and throws the signal's reason then; throws `OVERLOADED` when too many are
   * waiting, what reading has failed with, and what its thread has.
   */
  run(read: () => Promise<ReportJob>, signal: AbortSignal): Promise<ReportData>
}

/**
 * They start with the first report, end when idle, and never keep a process alive. Reports wait for a
 * turn and never in the pool: that starts no thread for who waits when another one has ended.
 */
export function createReportThreads(options: ReportThreadsOptions): ReportThreads {
  const { turns, maxThreads = WORK_CORES, maxHeapMb = MAX_HEAP_MB } = options
  const pool = new Piscina<ReportJob, ReportData>({
    minThreads: 0,
    maxThreads,
    idleTimeout: IDLE_TIMEOUT_MS,
    niceIncrement: NICE,
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
  })
  const running = new Set<AbortController>()
  // Of a thread that has not come to take a job: nobody knows whose it would have been.
  pool.on('error', (error) => {
    for (const stop of running) stop.abort(error)
  })

  async function runInThread(job: ReportJob, signal: AbortSignal): Promise<ReportData> {
    const stop = new AbortController()
    const ends = AbortSignal.any([signal, stop.signal])
    running.add(stop)
    try {
      return await pool.run(job, { signal: ends, filename: workerFile() })
    } catch (error) {
      ends.throwIfAborted()
      throw error
    } finally {
      running.delete(stop)
    }
  }

  return {
    run: (read, signal) => turns.take(signal, async () => runInThread(await read(), signal)),
  }
}

/** The worker beside this file: `.ts` from source, `.js` once built. */
function workerFile(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./report-worker.${extension}`, import.meta.url).href
}
