import { commonErrors, Failure, sleep } from '@tautline/shared'

import { orAborted } from '../../platform/abort.ts'
import { currentCall, NO_REQUEST, within, type CallScope } from '../../platform/call-scope.ts'
import { LOCK_TTL_MS, type Found, type Place, type SharedEntries } from './redis-entries.ts'

/** Pauses between two looks at what another process is filling, in milliseconds. */
const LOOK_AGAIN_MS = { first: 5, longest: 100 }

/**
 * Runs a query as work of its own: with a deadline of its own, and cancelled by `signal` alone. What
 * the call that happened to come first cancels when it leaves is not what the others wait for.
 * Returns a function, since the call is the one that is running now.
 */
export function ownWork<T>(fill: (signal: AbortSignal) => Promise<T>, timeoutMs: number) {
  const call = currentCall()
  return async (signal?: AbortSignal): Promise<T> => {
    signal?.throwIfAborted()
    // By hand: AbortSignal.any costs more than all the rest of a miss.
    const own = new AbortController()
    const leave = () => own.abort(signal?.reason)
    const expire = () => own.abort(new Failure(commonErrors.DEADLINE_EXCEEDED))
    signal?.addEventListener('abort', leave, { once: true })
    const timer = setTimeout(expire, timeoutMs)
    try {
      const scope = scopeOf(call, own.signal, timeoutMs)
      return await orAborted(
        within(scope, () => budgeted(scope, () => fill(own.signal))),
        own.signal,
      )
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', leave)
    }
  }
}

/** It may be wanted when the call that began it has told its own overrun, or nobody waits for it. */
async function budgeted<T>({ budget }: CallScope, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } finally {
    budget?.end()
  }
}

function scopeOf(call: CallScope | undefined, signal: AbortSignal, timeoutMs: number): CallScope {
  const deadlineAt = performance.now() + timeoutMs
  if (call) return { ...call, signal, deadlineAt, budget: call.budget?.fork() }
  const spent = { queries: 0, queryMs: 0, waitMs: 0 }
  const procedure = 'cache'
  return { requestId: NO_REQUEST, procedure, kind: 'query', signal, deadlineAt, spent, changes: 0 }
}

export interface SharedFill {
  readonly shared: SharedEntries
  readonly place: Place
  /** An entry that lives for less is filled again. */
  readonly minLifeMs: number
  /** What a new entry lives for. */
  readonly lifeMs: number
  /** How long another process' fill is waited for; then the query runs here as well. */
  readonly patienceMs: number
  readonly signal: AbortSignal
  /** Runs the query. */
  readonly make: (signal: AbortSignal) => Promise<string>
}

export interface Filled {
  readonly text: string
  /** How long it lives still. */
  readonly lifeMs: number
  /** Whether the query was run for it here. */
  readonly made: boolean
}

/** The entry that all processes share, or a new one, made by one process while the others wait. */
export async function fillShared(task: SharedFill): Promise<Filled> {
  const { shared, place, lifeMs, signal, make } = task
  const found = await findOrLock(task)
  if (found?.kind === 'entry') return { ...found, made: false }
  const locked = found?.kind === 'locked'
  const renewing = setInterval(() => {
    if (locked) shared.renew(place).catch(() => {}) // then another process may fill as well
  }, LOCK_TTL_MS / 3)
  try {
    const text = await make(signal)
    if (found) {
      // What cannot be shared is had by this process alone.
      await shared.store(place, text, lifeMs).catch(() => release(shared, place))
    }
    return { text, lifeMs, made: true }
  } catch (error) {
    if (locked) await release(shared, place)
    throw error
  } finally {
    clearInterval(renewing)
  }
}

async function release(shared: SharedEntries, place: Place): Promise<void> {
  await shared.release(place).catch(() => {}) // it expires
}

/** Undefined while what is shared cannot be had; `busy` when patience has ended. */
async function findOrLock(task: SharedFill): Promise<Found | undefined> {
  const { shared, place, minLifeMs, patienceMs, signal } = task
  let pauseMs = LOOK_AGAIN_MS.first
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    signal.throwIfAborted()
    const found = await shared.look(place, minLifeMs).catch(() => undefined)
    if (found?.kind !== 'busy' || waitedMs >= patienceMs) return found
    pauseMs = Math.min(LOOK_AGAIN_MS.longest, pauseMs * 1.5) * (0.5 + Math.random())
    await sleep(pauseMs, { signal })
  }
}
