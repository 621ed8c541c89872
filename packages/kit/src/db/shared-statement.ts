import { commonErrors, Failure } from '@tautline/shared'

import { orAborted } from '../platform/abort.ts'
import { currentCall, NO_REQUEST, within, type CallScope } from '../platform/call-scope.ts'

/** Longest statement for those who have no deadline, in milliseconds. */
const NO_DEADLINE_MS = 30_000

/** What is asked for, and how many ask. */
interface Asked<Key> {
  readonly key: Key
  askers: number
}

/**
 * One statement that many ask for. It is work of its own: cancelled when all who asked have left,
 * with the longest of their deadlines. Each call that asked is charged for it as for one of its own.
 */
export interface SharedStatement<Key, Found> {
  /** How many keys it has. */
  readonly size: number
  has(name: string): boolean
  /**
   * What the statement finds, for this key and all the others; `name` tells keys apart. Rejects with
   * what it fails with, and at once with the reason of the asking call's signal.
   */
  ask(name: string, key: Key): Promise<Found>
}

/**
 * Takes keys until this turn of the event loop ends, which `onStart` is told of, and runs then.
 * Nobody joins it once it runs: what it reads may be older than their question.
 */
export function createSharedStatement<Key, Found>(
  run: (keys: ReadonlyMap<string, Key>) => Promise<Found>,
  onStart: () => void,
): SharedStatement<Key, Found> {
  const asked = new Map<string, Asked<Key>>()
  const payers = createPayers()
  const own = new AbortController()
  let askers = 0
  let running = false
  let deadlineAt = 0

  const found = new Promise<Found>((resolve) => {
    setImmediate(() => {
      onStart()
      resolve(start())
    })
  })
  found.catch(() => {}) // told to each who asks, and nobody may be left

  async function start(): Promise<Found> {
    if (askers === 0) throw nobodyWaits()
    const keys = new Map([...asked].map(([name, { key }]) => [name, key]))
    const scope = scopeUntil(deadlineAt, own.signal)
    const expire = () => own.abort(new Failure(commonErrors.DEADLINE_EXCEEDED))
    const timer = setTimeout(expire, deadlineAt - performance.now())
    running = true
    try {
      const work = within(scope, async () => run(keys))
      return await orAborted(work, own.signal)
    } finally {
      running = false
      clearTimeout(timer)
      payers.charge(scope.spent)
    }
  }

  function leave(name: string, one: Asked<Key>): void {
    if (--one.askers === 0) asked.delete(name)
    if (--askers === 0 && running) own.abort(nobodyWaits())
  }

  return {
    get size() {
      return asked.size
    },
    has: (name) => asked.has(name),
    async ask(name, key) {
      const call = currentCall()
      call?.signal.throwIfAborted()
      if (call) payers.add(call)
      const one = asked.get(name) ?? { key, askers: 0 }
      asked.set(name, one)
      one.askers++
      askers++
      deadlineAt = Math.max(deadlineAt, call?.deadlineAt ?? performance.now() + NO_DEADLINE_MS)
      try {
        return await orAborted(found, call?.signal)
      } finally {
        leave(name, one)
      }
    },
  }
}

function nobodyWaits(): Error {
  return new Error('Nobody waits for this any more.')
}

/** It belongs to no call, so that nothing is charged twice. */
function scopeUntil(deadlineAt: number, signal: AbortSignal): CallScope {
  const spent = { queries: 0, queryMs: 0, waitMs: 0 }
  const named = { requestId: NO_REQUEST, procedure: 'loader', kind: 'query' } as const
  return { ...named, signal, deadlineAt, spent, changes: 0 }
}

/** The calls that asked; each pays once, however many keys it asked for. */
function createPayers() {
  const calls = new Map<CallScope['spent'], CallScope>() // parts of a call share what it has spent
  return {
    add(call: CallScope): void {
      if (calls.has(call.spent)) return
      call.budget?.countStatement()
      calls.set(call.spent, call)
    },
    charge({ queries, queryMs, waitMs }: CallScope['spent']): void {
      for (const { spent, budget } of calls.values()) {
        spent.queries += queries
        spent.queryMs += queryMs
        spent.waitMs += waitMs
        budget?.countTime(queryMs)
      }
    },
  }
}
