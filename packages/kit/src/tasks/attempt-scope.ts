import { AsyncLocalStorage } from 'node:async_hooks'

import { CompiledQuery } from 'kysely'

import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { addEvents, holdAttempt, type AttemptEvent, type AttemptKey } from './attempt-rows.ts'
import { TaskStopped } from './attempt-stopped.ts'
import type { ProgressWriter } from './progress.ts'

export interface ScopeParts {
  readonly db: Db
  readonly key: AttemptKey
  /** Told when a write finds that the attempt is no longer the task's current one. */
  readonly onLost: () => void
  /**
   * What the handler has said so far is told before its next event, and before a transaction if it is
   * due; events inside a transaction may come before it.
   */
  readonly progress: Pick<ProgressWriter, 'flush' | 'flushDue'>
}

/** The transactions of an attempt: what they write is kept only while the attempt is current. */
export interface AttemptScope {
  /** Whether the code that asks runs in one of them. */
  readonly isOpen: boolean
  read<T>(run: (db: Db) => Promise<T>): Promise<T>
  transaction<T>(run: (db: Db) => Promise<T>): Promise<T>
  /** Adds an event: with the commit of the transaction around, or at once. */
  add(event: AttemptEvent): Promise<void>
}

/** A transaction of the handler, around the code that runs. */
interface Open {
  readonly db: Db
  readonly reads: boolean
  /** To be added when the task's row is taken, which is last: others need it too. */
  readonly events: AttemptEvent[]
  isOver: boolean
}

const READ_ONLY = CompiledQuery.raw('set transaction read only')

export function createAttemptScope({ db: pool, key, onLost, progress }: ScopeParts): AttemptScope {
  const storage = new AsyncLocalStorage<Open>()

  function around(): Open | undefined {
    const open = storage.getStore()
    if (open?.isOver) throw new Error('The transaction is over; await what it does.')
    return open
  }

  function aroundWriting(): Open | undefined {
    const open = around()
    if (open?.reads) throw new Error('Inside ctx.read nothing is written.')
    return open
  }

  async function inside<T>(open: Open, run: (db: Db) => Promise<T>): Promise<T> {
    try {
      return await storage.run(open, () => run(open.db))
    } finally {
      open.isOver = true
    }
  }

  function expectHeld(isHeld: boolean): void {
    if (isHeld) return
    onLost()
    throw new TaskStopped('lost')
  }

  return {
    get isOpen() {
      return around() !== undefined
    },
    async read(run) {
      const outer = around()
      if (outer) return run(outer.db)
      return inTransaction(pool, async (db) => {
        await db.executeQuery(READ_ONLY)
        return inside({ db, reads: true, events: [], isOver: false }, run)
      })
    },
    async transaction(run) {
      const outer = aroundWriting()
      if (outer) return inSavepoint(outer, run)
      await progress.flushDue() // beside it, one would wait until the other lets go of the row
      return inTransaction(pool, async (db) => {
        const open = { db, reads: false, events: [], isOver: false }
        const result = await inside(open, run)
        expectHeld(await keepEvents(db, key, open.events))
        return result
      })
    },
    async add(event) {
      const outer = aroundWriting()
      if (outer) {
        outer.events.push(event)
        return
      }
      await progress.flush()
      expectHeld(await addEvents(pool, key, [event]))
    },
  }
}

/** The last statement of a transaction. */
function keepEvents(db: Db, key: AttemptKey, events: readonly AttemptEvent[]): Promise<boolean> {
  return events.length > 0 ? addEvents(db, key, events) : holdAttempt(db, key)
}

/** Events of what was rolled back go with it. */
async function inSavepoint<T>(outer: Open, run: (db: Db) => Promise<T>): Promise<T> {
  const before = outer.events.length
  try {
    return await inTransaction(outer.db, run)
  } catch (error) {
    outer.events.length = before
    throw error
  }
}
