import type { Db } from '../db/database.ts'
import { withDeadline } from '../platform/call-scope.ts'
import type { Logger } from '../platform/logger.ts'
import { writeProgress, type AttemptKey, type Progress } from './attempt-rows.ts'

/** Between two writes, in milliseconds. */
const EVERY_MS = 250

/** Longest for one write, in milliseconds. */
const TIMEOUT_MS = 5_000

export interface ProgressParts {
  readonly db: Db
  readonly key: AttemptKey
  readonly log: Logger
  /** Told when a write finds that the attempt is no longer the task's current one. */
  readonly onLost: () => void
}

/** How far an attempt is, written four times a second at most: the newest alone. */
export interface ProgressWriter {
  /**
   * Costs nothing but a timer now and then. What is no finite number is not told, since it is worth no
   * attempt: a total is left out, and without a current there is nothing to say.
   */
  say(progress: Progress): void
  /** Writes what was said and is not written yet. Throws when it cannot be written. */
  flush(): Promise<void>
  /** The same, unless the last write was less than a moment ago. */
  flushDue(): Promise<void>
  /** Forgets what is not written, and writes nothing more. */
  close(): void
}

export function createProgressWriter({ db, key, log, onLost }: ProgressParts): ProgressWriter {
  let said: Progress | undefined
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  let writtenAt = -Infinity
  let isClosed = false

  async function write(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const progress = said
    if (!progress || isClosed) return
    said = undefined
    writtenAt = performance.now()
    try {
      const run = () => writeProgress(db, key, progress)
      if (!(await withDeadline('task:progress', TIMEOUT_MS, run))) onLost()
    } catch (error) {
      said ??= progress
      throw error
    }
  }

  /** Until the next write is due, in milliseconds. */
  function waitMs(): number {
    return Math.max(0, writtenAt + EVERY_MS - performance.now())
  }

  /** One after the other. */
  function writeInTurn(): Promise<void> {
    const turn = writing.then(write)
    writing = turn.catch(() => {})
    return turn
  }

  function schedule(): void {
    if (timer || isClosed) return
    timer = setTimeout(() => {
      writeInTurn().catch((error: unknown) => {
        log.debug({ err: error }, 'the progress of a task could not be written; it is tried again')
        schedule()
      })
    }, waitMs())
  }

  return {
    say({ current, total, message }) {
      if (!Number.isFinite(current)) return
      said = { current, total: Number.isFinite(total) ? total : undefined, message }
      schedule()
    },
    flush: writeInTurn,
    async flushDue() {
      if (waitMs() === 0) await writeInTurn()
    },
    close() {
      isClosed = true
      said = undefined
      clearTimeout(timer)
    },
  }
}
