import type { Db } from '../db/database.ts'
import type { Logger } from '../platform/logger.ts'
import { MAX_TEXT_BYTES } from './accept-input.ts'
import { isUnknown, keepable } from './attempt-errors.ts'
import { persist } from './attempt-retry.ts'
import type { AttemptKey } from './attempt-rows.ts'
import { TaskStopped } from './attempt-stopped.ts'
import type { StepOptions, StepOutcome } from './definition.ts'
import { claimStep, endStep, type LedgerEntry, type StepEnd } from './steps-ledger.ts'
import { fromText, toText } from './wire-text.ts'

export interface StepParts {
  readonly db: Db
  readonly key: AttemptKey
  readonly log: Logger
  /** Of the attempt. */
  readonly signal: AbortSignal
  /** Told when a write finds that the attempt is no longer the task's current one. */
  readonly onLost: () => void
}

export type RunStep = <T>(
  key: string,
  run: () => Promise<T>,
  options?: StepOptions,
) => Promise<StepOutcome<T>>

/** The steps of an attempt, as `TaskContext.step` has them. */
export function createSteps(parts: StepParts): RunStep {
  const ledger = createLedger(parts)
  const running = new Set<string>()
  /** Those whose effect may have happened, whatever the ledger was told of it. */
  const sent = new Set<string>()

  async function step<T>(key: string, run: () => Promise<T>, options: StepOptions) {
    const repeat = options.unknown === 'repeat'
    const entry = await ledger.claim(key, repeat)
    if (entry.state === 'done') return replay<T>(entry.output)
    if (entry.state === 'failed') return { status: 'failed', error: entry.error ?? '' } as const
    if (entry.state === 'unknown') return { status: 'unknown' } as const
    const isOurs = entry.attempt === parts.key.attempt
    if (!isOurs || (sent.has(key) && !repeat)) return ledger.unknown(key)
    sent.add(key)
    return send(ledger, { key, run, signal: parts.signal })
  }

  return async (key, run, options = {}) => {
    if (running.has(key)) throw new Error(`The step runs already: ${key}`)
    running.add(key)
    try {
      return await step(key, run, options)
    } finally {
      running.delete(key)
    }
  }
}

interface Effect<T> {
  readonly key: string
  readonly run: () => Promise<T>
  readonly signal: AbortSignal
}

/** Has the effect of a step, and notes what came of it. */
async function send<T>(ledger: Ledger, { key, run, signal }: Effect<T>): Promise<StepOutcome<T>> {
  let value: T
  try {
    value = await run()
  } catch (error) {
    if (signal.aborted) throw error // broken off, so nobody knows: it stays as it was sent
    if (isUnknown(error)) return ledger.unknown(key)
    const said = keepable(error instanceof Error ? error.message : String(error))
    await ledger.end(key, { state: 'failed', error: said })
    return { status: 'failed', error: said }
  }
  const output = toText(value)
  if (Buffer.byteLength(output) > MAX_TEXT_BYTES) {
    await ledger.unknown(key)
    throw new RangeError(`What a step returns has ${MAX_TEXT_BYTES} bytes at most: ${key}`)
  }
  await ledger.end(key, { state: 'done', output })
  return { status: 'done', value, isReplay: false }
}

/** What is known of the steps of a task, for as long as the attempt is its current one. */
interface Ledger {
  claim(key: string, repeat: boolean): Promise<LedgerEntry>
  end(key: string, come: StepEnd): Promise<void>
  unknown(key: string): Promise<StepOutcome<never>>
}

/** A connection that breaks is no loss of the attempt: the ledger knows what was written. */
function createLedger({ db, key: attempt, signal, log, onLost }: StepParts): Ledger {
  function lost(): TaskStopped {
    onLost()
    return new TaskStopped('lost')
  }

  async function end(key: string, come: StepEnd): Promise<void> {
    const isKept = await persist({ what: 'end a step', log, signal }, () =>
      endStep(db, { ...attempt, key }, come),
    )
    if (!isKept) throw lost()
  }

  return {
    async claim(key, repeat) {
      const entry = await persist({ what: 'begin a step', log, signal }, () =>
        claimStep(db, { ...attempt, key }, repeat),
      )
      if (!entry) throw lost()
      return entry
    },
    end,
    async unknown(key) {
      await end(key, { state: 'unknown' })
      return { status: 'unknown' }
    },
  }
}

function replay<T>(output: string | null): StepOutcome<T> {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the same step has returned it
  const value = (output === null ? undefined : fromText(output)) as T
  return { status: 'done', value, isReplay: true }
}
