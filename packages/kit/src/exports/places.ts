import type { Metrics } from '../platform/metrics.ts'
import {
  createConcurrency,
  overloaded,
  type Concurrency,
} from '../policies/concurrency/concurrency.ts'
import { createPerCaller } from '../policies/concurrency/per-caller.ts'

/** Exports that read from the database at the same time. */
const MAX_READING = 2

/** Exports that are open at the same time: most of them wait for their readers. */
const MAX_OPEN = 20

/** Of one caller: the second one may go on where the connection of the first one died unnoticed. */
const MAX_OPEN_PER_CALLER = 2

/** How long an export reads in one turn, in milliseconds: its snapshot keeps Postgres from cleaning up. */
const TURN_MS = 60_000

/** And while others wait for theirs. */
const SHORT_TURN_MS = 500

/** How long a newcomer waits for their first turn, in milliseconds. */
const FIRST_TURN_WITHIN_MS = 1_000

/** Keeps exports, all of one process together, from taking everything. */
export interface Places {
  /**
   * Runs a whole export. Throws `OVERLOADED` when too many are open, `RATE_LIMITED` when too many are
   * this caller's.
   */
  open(caller: string, work: () => Promise<void>): Promise<void>
  /**
   * Runs what reads from the database, when it is its turn, which `work` ends by itself once it is
   * over. Rejects with the signal's reason; with `OVERLOADED` when a first turn does not come in time.
   */
  read<T>(work: (turn: Turn) => Promise<T>, wait: Wait): Promise<T>
}

/** A turn of reading. */
export interface Turn {
  /** Whether others should read now. */
  readonly isOver: boolean
}

interface Wait {
  readonly signal: AbortSignal
  /** Who has begun waits for as long as it takes. */
  readonly isFirst: boolean
}

export function createPlaces(metrics: Metrics): Places {
  const places = createPerCaller({ max: MAX_OPEN, maxPerCaller: MAX_OPEN_PER_CALLER })
  const reading = createConcurrency({ max: MAX_READING, queue: MAX_OPEN })
  metrics.gauge('exports_open', () => places.open)
  metrics.gauge('exports_reading', () => reading.running)

  return {
    open: places.run,
    async read(work, { signal, isFirst }) {
      const late = isFirst ? AbortSignal.timeout(FIRST_TURN_WITHIN_MS) : undefined
      const waiting = late ? AbortSignal.any([signal, late]) : signal
      try {
        return await reading.run(() => work(startTurn(reading)), waiting)
      } catch (error) {
        throw late?.aborted && error === late.reason ? overloaded() : error
      }
    },
  }
}

function startTurn(reading: Pick<Concurrency, 'waiting'>): Turn {
  const startedAt = performance.now()
  return {
    get isOver() {
      const longestMs = reading.waiting > 0 ? SHORT_TURN_MS : TURN_MS
      return performance.now() - startedAt > longestMs
    },
  }
}
