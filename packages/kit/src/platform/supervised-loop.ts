import { setTimeout as wait } from 'node:timers/promises'

import { backoffMs, sleep } from '@tautline/shared'

import { NO_REQUEST, within } from './call-scope.ts'
import { systemClock, type Clock } from './clock.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** Decides which of several processes runs a loop. */
export interface Leadership {
  /**
   * Takes the lead, or makes sure of it. Resolves to a signal that aborts when the lead is lost, or
   * to undefined while another process has it.
   */
  lead(): Promise<AbortSignal | undefined>
}

export interface LoopOptions {
  /** snake_case: it is part of the name of a gauge. */
  readonly name: string
  /** From the end of a turn to the beginning of the next, in milliseconds. */
  readonly everyMs: number
  /** One turn. Its signal aborts when the loop stops or the lead is lost; queries follow it. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /**
   * Longest that a turn may take, in milliseconds: its signal aborts then, and it has failed unless it
   * ends well all the same. Default: without a bound, and a statement on a network that has gone silent
   * holds the loop for ever.
   */
  readonly timeoutMs?: number | undefined
  /** Longest pause after turns that failed, in milliseconds; 30 s by default. */
  readonly backoffCapMs?: number | undefined
  /** Given when only one of many processes is to run the loop; the others ask at every turn. */
  readonly leadership?: Leadership | undefined
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock?: Clock
}

export interface Loop {
  /** Ends the loop: aborts a running turn, and waits for its end for less than a second. */
  stop(): Promise<void>
}

/** A turn that ignores its signal is not waited for any longer, in milliseconds. */
const STOP_TIMEOUT_MS = 900

/** Before the next turn after one that failed. */
const BACKOFF = { baseMs: 200, capMs: 30_000 }

/**
 * Runs something again and again, the first time at once, and never twice at the same time. A turn
 * that fails is logged, counted in `loop_failures_total` and tried again with backoff; it never ends
 * the loop or the process. The gauge `loop_<name>_last_run_seconds` has the Unix time at which the
 * last good turn ended, 0 before the first. Does not keep the process alive.
 */
export function startLoop(options: LoopOptions): Loop {
  const { name, log, metrics, clock = systemClock } = options
  const backoff = { ...BACKOFF, capMs: options.backoffCapMs ?? BACKOFF.capMs }
  const stopping = new AbortController()
  let lastRunAt = 0
  const removeGauge = metrics.gauge(`loop_${name}_last_run_seconds`, () => lastRunAt)

  async function turnAgainAndAgain(): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted;) {
      try {
        if (await runTurn(options, stopping.signal)) lastRunAt = clock.now().getTime() / 1_000
        failures = 0
      } catch (error) {
        if (stopping.signal.aborted) return
        metrics.count('loop_failures_total', { loop: name })
        log.error({ err: error, loop: name }, 'a turn of a loop failed')
        failures++
      }
      const pauseMs = failures === 0 ? options.everyMs : backoffMs(failures - 1, backoff)
      await pause(pauseMs, stopping.signal)
    }
  }

  const ended = turnAgainAndAgain()
  async function stop() {
    stopping.abort()
    const waiting = new AbortController()
    const late = sleep(STOP_TIMEOUT_MS, waiting).then(
      () => log.warn({ loop: name }, 'a loop ignored its stop'),
      () => {},
    )
    await Promise.race([ended, late])
    waiting.abort()
    removeGauge()
  }

  let stopped: Promise<void> | undefined
  return { stop: () => (stopped ??= stop()) }
}

/** Whether there was a turn: there is none while another process has the lead. */
async function runTurn(options: LoopOptions, stopping: AbortSignal): Promise<boolean> {
  const { name, leadership, timeoutMs, run } = options
  const lost = await leadership?.lead()
  if (leadership && !lost) return false
  const late = new AbortController()
  const signal = AbortSignal.any([stopping, late.signal, ...(lost ? [lost] : [])])
  signal.throwIfAborted()
  // The scope is how queries find the signal.
  const scope = {
    requestId: NO_REQUEST,
    procedure: `loop:${name}`,
    kind: 'mutation' as const,
    signal,
    spent: { queries: 0, queryMs: 0, waitMs: 0 },
    changes: 0,
  }
  const expire = () => late.abort(new DOMException('The turn took too long.', 'TimeoutError'))
  const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs).unref()
  try {
    await within(scope, () => run(signal))
  } finally {
    clearTimeout(timer)
  }
  return true
}

/** Ends early when the signal aborts, and keeps no process alive. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { ref: false, signal }).catch(() => {})
}
