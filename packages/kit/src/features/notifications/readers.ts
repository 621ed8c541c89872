import { AsyncLocalStorage } from 'node:async_hooks'

import type { Db } from '../../db/database.ts'
import type { Notifications } from '../../db/notifications.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Metrics } from '../../platform/metrics.ts'
import { bellOf, NOTIFICATION_CHANNEL } from './bell.ts'
import { findHead } from './new-rows.ts'
import { numberNew } from './number-new.ts'
import { startRounds, type Rounds } from './rounds.ts'

/** Behind the doorbell, in milliseconds, ± a fifth. */
const POLL_MS = 5_000

/** What looking takes of a running backend. */
export interface ReaderParts {
  readonly db: Db
  readonly doorbells: Pick<Notifications, 'listen'>
  readonly log: Logger
  readonly metrics: Metrics
}

/** Somebody who is told when there is something new of an owner. */
export interface Joined {
  /** The last number that is known to be there. */
  readonly head: number
  leave(): void
}

/** Looks for what is new of all owners of whom somebody wants to know it in this process. */
export interface Readers {
  /** Calls `wake` each time when `head` is another. */
  join(owner: string, wake: () => void): Joined
}

export interface ReadersOptions {
  /** Notifications of one owner: whoever numbers deletes those before the newest. */
  readonly maxKept: number
  readonly pollMs?: number | undefined
}

/** An owner whom somebody follows. */
interface Followed {
  readonly owner: string
  readonly wakes: Set<() => void>
  head: number
}

/**
 * Opens nothing while nobody follows, and ends with the last who leaves. The gauge
 * `notification_owners_followed` has the number of owners.
 */
export function createReaders(parts: ReaderParts, options: ReadersOptions): Readers {
  const { maxKept, pollMs = POLL_MS } = options
  const { db, metrics } = parts
  /** By their bells. */
  const owners = new Map<string, Followed>()
  let running: { readonly rounds: Rounds<Followed>; end(): void } | undefined

  async function look(batch: readonly Followed[]): Promise<void> {
    const fresh = await findFresh(db, batch)
    const names = fresh.map(({ owner }) => owner)
    if (names.length > 0) await numberNew(db, names, maxKept)
    for (const followed of fresh) if (followed.wakes.size > 0) running?.rounds.ring(followed)
  }

  function start() {
    const rounds = startRounds({ ...parts, look })
    const ears = listen(parts, { owners, ring: rounds.ring, pollMs })
    const removeGauge = metrics.gauge('notification_owners_followed', () => owners.size)
    return {
      rounds,
      end() {
        removeGauge()
        ears.close()
        rounds.stop()
      },
    }
  }

  return {
    join(owner, wake) {
      const bell = bellOf(owner)
      const followed = owners.get(bell) ?? { owner, wakes: new Set(), head: 0 }
      owners.set(bell, followed)
      followed.wakes.add(wake)
      running ??= outside(start)
      running.rounds.ring(followed)
      return {
        get head() {
          return followed.head
        },
        leave() {
          followed.wakes.delete(wake)
          if (followed.wakes.size > 0 || owners.get(bell) !== followed) return
          owners.delete(bell)
          running?.rounds.forget(followed)
          if (owners.size > 0) return
          running?.end()
          running = undefined
        },
      }
    },
  }
}

interface Listening {
  /** By their bells. */
  readonly owners: ReadonlyMap<string, Followed>
  readonly ring: (followed: Followed) => void
  readonly pollMs: number
}

/** Rings for those whose bell rings, and for all of them now and then. */
function listen({ doorbells }: ReaderParts, { owners, ring, pollMs }: Listening) {
  const ringAll = () => {
    for (const followed of owners.values()) ring(followed)
  }
  const ear = doorbells.listen(NOTIFICATION_CHANNEL, {
    onMessage(bell) {
      const followed = owners.get(bell)
      if (followed) ring(followed)
    },
    onUp: ringAll,
  })
  const poll = setInterval(ringAll, pollMs * (0.8 + 0.4 * Math.random()))
  poll.unref()
  return {
    close() {
      ear.close()
      clearInterval(poll)
    },
  }
}

/** Tells how far each is. Returns those of whom something has no number yet. */
async function findFresh(db: Db, batch: readonly Followed[]): Promise<Followed[]> {
  const heads = await Promise.all(batch.map(({ owner }) => findHead(db, owner)))
  return batch.filter((followed, index) => {
    const { lastSeq = 0, hasNew = false } = heads[index] ?? {}
    if (lastSeq !== followed.head) {
      followed.head = lastSeq
      for (const wake of followed.wakes) wake()
    }
    return hasNew
  })
}

/** Whoever comes first starts it, within a call that is none of the others'. */
const outside = AsyncLocalStorage.snapshot()
