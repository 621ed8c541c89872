import { within, type CallScope } from '../platform/call-scope.ts'
import type { Logger } from '../platform/logger.ts'
import { MAX_TEXT_BYTES } from './accept-input.ts'
import type { Outcome } from './attempt-outcome.ts'
import { TaskStopped } from './attempt-stopped.ts'
import type { Task, TaskContext } from './definition.ts'
import { fromText, toText } from './wire-text.ts'

const BAD_INPUT = 'The input does not fit the task any more.'
const BAD_OUTPUT = 'The result does not fit the task.'
const LARGE_OUTPUT = `The result has more than ${MAX_TEXT_BYTES / 1024} KB.`

export interface HandlerRun {
  readonly task: Task
  /** As text. */
  readonly input: string
  readonly ctx: TaskContext
  /** Whose signal tells the handler to end. */
  readonly call: CallScope
  readonly log: Logger
  /** How long the handler may go on once it was told to end, in milliseconds. */
  readonly graceMs: number
}

/**
 * Runs the handler of a task, and waits for its end; once it was told to end, for `graceMs` at most.
 * What it does beyond that finds its statements refused. Never throws.
 */
export async function runHandler(run: HandlerRun): Promise<Outcome> {
  const { signal } = run.call
  const ended = within(run.call, () => handle(run)).catch((error: unknown): Outcome => ({
    kind: 'failed',
    error,
  }))
  const outcome = await endOf(ended, signal, run.graceMs)
  return outcome && !signal.aborted ? outcome : stoppedBy(signal)
}

async function handle({ task, input, ctx, log }: HandlerRun): Promise<Outcome> {
  ctx.signal.throwIfAborted()
  const parsed = await task.input.safeParseAsync(fromText(input))
  if (!parsed.success) {
    log.error({ err: parsed.error }, 'the input of a task does not fit its schema any more')
    return { kind: 'refused', error: BAD_INPUT }
  }
  // oxlint-disable-next-line typescript/consistent-type-assertions -- its own schema has made it
  return outputOf(await task.run({ ctx, input: parsed.data as never }), { task, log })
}

async function outputOf(
  value: unknown,
  { task, log }: Pick<HandlerRun, 'task' | 'log'>,
): Promise<Outcome> {
  const parsed = await task.output.safeParseAsync(value)
  if (!parsed.success) {
    log.error({ err: parsed.error }, 'the result of a task does not fit its schema')
    return { kind: 'refused', error: BAD_OUTPUT }
  }
  const output = toText(parsed.data)
  if (Buffer.byteLength(output) > MAX_TEXT_BYTES) return { kind: 'refused', error: LARGE_OUTPUT }
  return { kind: 'done', output }
}

/** The outcome, or none when the handler has ignored its signal for too long. */
function endOf(
  ended: Promise<Outcome>,
  signal: AbortSignal,
  graceMs: number,
): Promise<Outcome | undefined> {
  return new Promise<Outcome | undefined>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const wait = () => {
      timer = setTimeout(resolve, graceMs, undefined)
    }
    if (signal.aborted) wait()
    else signal.addEventListener('abort', wait, { once: true })
    ended.then(resolve, reject).finally(() => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wait)
    })
  })
}

function stoppedBy(signal: AbortSignal): Outcome {
  const reason: unknown = signal.reason
  return { kind: 'stopped', stop: reason instanceof TaskStopped ? reason.stop : 'lost' }
}
