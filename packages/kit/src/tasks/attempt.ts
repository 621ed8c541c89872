import type { Db } from '../db/database.ts'
import { NO_REQUEST, withDeadline, type CallScope } from '../platform/call-scope.ts'
import type { TaskAcceptor } from '../task-types.ts'
import { createAttemptContext, type AttemptResources } from './attempt-context.ts'
import { isExpected, UNEXPECTED } from './attempt-errors.ts'
import { runHandler } from './attempt-handler.ts'
import { settlementOf, type Outcome } from './attempt-outcome.ts'
import { persist } from './attempt-retry.ts'
import type { Begun } from './attempt-rows.ts'
import { createAttemptScope } from './attempt-scope.ts'
import { TaskStopped } from './attempt-stopped.ts'
import type { Begin } from './begin.ts'
import type { Boss, Delivery } from './boss.ts'
import type { Task, TaskStop } from './definition.ts'
import { createProgressWriter, type ProgressWriter } from './progress.ts'
import type { Settle, Settlement } from './settle.ts'
import { createSteps } from './steps.ts'

export const GRACE_MS = 2_000

/** Longest for giving an attempt back, in milliseconds; its lease ends a little later by itself. */
const GIVE_BACK_TIMEOUT_MS = 5_000

export interface AttemptParts {
  readonly db: Db
  readonly boss: Pick<Boss, 'giveBack'>
  readonly begin: Begin
  readonly settle: Settle
  readonly acceptor: TaskAcceptor
  readonly resources: AttemptResources
  /** How long a handler may go on once it was told to end, in milliseconds; 2 s by default. */
  readonly graceMs?: number | undefined
}

/** An attempt under way. */
export interface Attempt {
  readonly delivery: Delivery
  /** Tells it to end; the first reason counts. What is only to be settled any more is settled. */
  stop(reason: TaskStop): void
  /** Gives up what it still tries to write: others need not wait for it. */
  abandon(): void
  /** When nothing of it is left but a handler that has ignored its signal. Never rejects. */
  readonly ended: Promise<void>
}

/** Begins an attempt with what was delivered, runs it and settles it. */
export function startAttempt(parts: AttemptParts, task: Task, delivery: Delivery): Attempt {
  const stopping = new AbortController()
  const givingUp = new AbortController()
  let hasBegun = false
  const stop = (reason: TaskStop) => {
    stopping.abort(new TaskStopped(reason))
    const isOver = reason === 'lost' || (reason === 'draining' && !hasBegun)
    if (isOver) givingUp.abort(new TaskStopped(reason))
  }
  const running = {
    ...parts,
    task,
    delivery,
    log: parts.resources.log.child({
      task: task.name,
      taskId: delivery.taskId,
      attempt: delivery.attempt,
    }),
    signal: stopping.signal,
    givenUp: givingUp.signal,
    stop,
    onBegun: () => {
      hasBegun = true
    },
  }
  const ended = run(running).catch(async (error: unknown) => {
    if (givingUp.signal.aborted) {
      running.log.debug({ err: error }, 'an attempt was given up')
      return giveBack(running)
    }
    // What fails by itself waits for its lease to end, lest it comes back at once, and for ever.
    running.log.error({ err: error }, 'an attempt broke off')
  })
  const abandon = () => givingUp.abort(new TaskStopped('draining'))
  return { delivery, stop, abandon, ended }
}

interface Running extends AttemptParts {
  readonly task: Task
  readonly delivery: Delivery
  readonly log: AttemptResources['log']
  /** Tells the handler to end. */
  readonly signal: AbortSignal
  /** Aborts when nothing is to be tried again. */
  readonly givenUp: AbortSignal
  readonly stop: (reason: TaskStop) => void
  readonly onBegun: () => void
}

async function run(running: Running): Promise<void> {
  const { task, delivery, log, signal, givenUp, stop } = running
  const begun = await persist({ what: 'begin', log, signal: givenUp }, () =>
    running.begin(delivery),
  )
  if (!begun) return
  running.onBegun()
  if (begun.isWished) stop('cancelled')
  const startedAt = performance.now()
  const progress = createProgressWriter({
    ...running,
    key: delivery,
    onLost: () => stop('lost'),
  })
  try {
    const outcome = await handle(running, begun, progress)
    tell(running, outcome)
    await finish(running, { outcome, begun, progress })
  } finally {
    progress.close()
    const seconds = (performance.now() - startedAt) / 1_000
    running.resources.metrics.observe('task_attempt_duration_seconds', seconds, { task: task.name })
    if (signal.aborted) log.debug({ err: signal.reason }, 'an attempt was told to end')
  }
}

async function handle(
  running: Running,
  { owner, input }: Begun,
  progress: ProgressWriter,
): Promise<Outcome> {
  const { db, task, delivery, log, signal, stop, resources, acceptor } = running
  const { graceMs = GRACE_MS } = running
  const call: CallScope = {
    requestId: NO_REQUEST,
    procedure: `task:${task.name}`,
    kind: 'mutation',
    signal,
    deadlineAt: performance.now() + task.timeoutMs,
    spent: { queries: 0, queryMs: 0, waitMs: 0 },
    changes: 0,
  }
  const fenced = { db, key: delivery, log, signal, onLost: () => stop('lost') }
  const scope = createAttemptScope({ ...fenced, progress })
  const step = createSteps(fenced)
  const parts = { task, delivery, owner, resources, acceptor, call, scope, progress, step }
  const timer = setTimeout(() => stop('timed out'), task.timeoutMs)
  try {
    const ctx = createAttemptContext(parts)
    return await runHandler({ task, input, ctx, call, log, graceMs })
  } finally {
    clearTimeout(timer)
  }
}

/** What went wrong is in the log; the row only has what its owner may read. */
function tell({ log, task }: Running, outcome: Outcome): void {
  if (outcome.kind === 'failed') {
    const line = { err: outcome.error }
    if (isExpected(outcome.error)) log.info(line, 'an attempt has failed')
    else log.error(line, 'an attempt has failed')
  }
  if (outcome.kind === 'stopped' && outcome.stop === 'timed out') {
    log.warn({ timeoutMs: task.timeoutMs }, 'an attempt took longer than it may')
  }
}

interface Finish {
  readonly outcome: Outcome
  readonly begun: Begun
  readonly progress: ProgressWriter
}

async function finish(running: Running, { outcome, begun, progress }: Finish): Promise<void> {
  const settlement = settlementOf(outcome, running.task, begun)
  if (!settlement) {
    if (outcome.kind === 'stopped' && outcome.stop === 'draining') await giveBack(running)
    return count(running, outcome.kind === 'stopped' ? outcome.stop : outcome.kind)
  }
  const { delivery, task, log, givenUp } = running
  const settled = { delivery, owner: begun.owner, priority: task.priority }
  const settleAs = async (end: Settlement) => {
    const isSettled = await persist({ what: 'settle', log, signal: givenUp }, async () => {
      await progress.flush()
      return running.settle(settled, end)
    })
    if (!isSettled) log.debug('an attempt was lost before it was settled, or its answer was')
    count(running, isSettled ? nameOf(end) : 'lost')
  }
  try {
    await settleAs(settlement)
  } catch (error) {
    if (givenUp.aborted) throw error
    // It would not pass the next time either, and the task would be tried for ever.
    log.error({ err: error }, 'what came of an attempt could not be written; it counts as failed')
    progress.close()
    await settleAs({
      kind: 'end',
      state: 'failed',
      error: UNEXPECTED,
      failures: begun.failures + 1,
    })
  }
}

function nameOf(settlement: Settlement): string {
  return settlement.kind === 'end' ? settlement.state : 'retrying'
}

function count({ resources, task }: Running, outcome: string): void {
  resources.metrics.count('task_attempts_total', { task: task.name, outcome })
}

/** To whoever fetches next. Not waited for: a lease ends by itself. */
async function giveBack({ boss, delivery, log }: Running): Promise<void> {
  try {
    await withDeadline('task:give back', GIVE_BACK_TIMEOUT_MS, () => boss.giveBack([delivery]))
  } catch (error) {
    log.warn({ err: error }, 'an attempt could not be given back; its lease has to end')
  }
}
