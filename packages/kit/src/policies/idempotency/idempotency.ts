import { backoffMs, commonErrors, Failure, sleep, type FailureDetails } from '@tautline/shared'

import type { Metrics } from '../../platform/metrics.ts'
import { createApplication, type ApplicationParts } from './application.ts'
import type { KeyedAnswer, KeyedCall, KeyedWork } from './keyed-call.ts'
import { checkKey, keyNameOf } from './keys.ts'
import { KeyBusyError } from './rows.ts'
import { createTurns } from './turns.ts'

export interface IdempotencyParts extends ApplicationParts {
  readonly metrics: Metrics
}

export interface Idempotency {
  /**
   * Does the work of a key once, for each principal and procedure, and answers the same ever after,
   * for a day: with the same text, or the same failure. The outcome is committed with the work, so
   * after a crash there are both or neither.
   *
   * Throws what the work throws; `KEY_REUSED` for another input, `KEY_IN_FLIGHT` while a rival is at
   * work, once waiting has taken what time there was or when `onTurn` refuses, `BAD_INPUT` for what cannot be a key. A call
   * that waits for its rival holds no connection. After `COMMIT_UNKNOWN` the same key tells the truth.
   */
  run<T>(call: KeyedCall, work: KeyedWork<T>): Promise<KeyedAnswer<T>>
}

/** Longest wait for a rival, in milliseconds. */
const MAX_WAIT_MS = 10_000

/** What is kept of a call's time to tell that it has waited in vain, in milliseconds. */
const ANSWER_MARGIN_MS = 100

/** Between two tries for a key that another process has. */
const BACKOFF = { baseMs: 25, capMs: 500 }

/** Calls of one process that wait for a rival in it. */
const MAX_WAITING = 1_000

export function createIdempotency({ metrics, clock, observer }: IdempotencyParts): Idempotency {
  const turns = createTurns(MAX_WAITING)
  metrics.gauge('idempotency_keys', () => turns.names)
  metrics.gauge('idempotency_waiting', () => turns.waiting)
  const applyOnce = createApplication({ clock, observer })
  const count = (outcome: string) => metrics.count('idempotency_calls_total', { outcome })

  function inFlight(details?: Pick<FailureDetails, 'cause' | 'retryAfterMs'>): Failure {
    count('in_flight')
    const retryAfterMs = 500 + Math.random() * 1_000
    return new Failure(commonErrors.KEY_IN_FLIGHT, { retryAfterMs, ...details })
  }

  /** Each try that is refused has given its connection back before the next pause begins. */
  async function tryInTime<T>(call: KeyedCall, work: KeyedWork<T>, until: number) {
    const name = keyNameOf(call)
    const { signal } = call
    const timeoutMs = until - performance.now()
    let hasWaited = false
    const onWait = () => {
      hasWaited = true
      call.onWait?.()
    }
    if (!(await turns.take(name.text, { signal, timeoutMs }, onWait))) throw inFlight()
    try {
      const refusal = hasWaited ? await call.onTurn?.() : undefined
      if (refusal) throw inFlight({ retryAfterMs: refusal.retryAfterMs })
      for (let tries = 0; ; tries++) {
        try {
          return await applyOnce(call, work, name)
        } catch (error) {
          if (!(error instanceof KeyBusyError)) throw error
          const pauseMs = backoffMs(tries, BACKOFF)
          if (performance.now() + pauseMs > until) throw inFlight({ cause: error })
          await sleep(pauseMs, { signal })
        }
      }
    } finally {
      turns.give(name.text)
    }
  }

  return {
    async run(call, work) {
      checkKey(call.key)
      const remainingMs = (call.remainingMs ?? Infinity) - ANSWER_MARGIN_MS
      const until = performance.now() + Math.min(remainingMs, MAX_WAIT_MS)
      const settled = await tryInTime(call, work, until)
      const isRefused = 'refusal' in settled
      count(settled.replayed ? 'replayed' : isRefused ? 'refused' : 'applied')
      if (settled.replayed) call.onReplay?.()
      if (isRefused) throw settled.refusal
      return settled
    },
  }
}
