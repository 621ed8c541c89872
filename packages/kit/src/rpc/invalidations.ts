import { AsyncLocalStorage } from 'node:async_hooks'

import { isFailure } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { offBudget } from '../platform/call-scope.ts'
import type { Cache } from '../policies/cache/cache.ts'
import type { Marks } from '../policies/cache/validity.ts'

type Run<T> = (db: Db) => Promise<T>

/** What a mutation makes invalid, with its commit. */
export interface Invalidations {
  /** Whether the code that runs is in a transaction of the mutation. */
  readonly isOpen: boolean
  /** Tags that this transaction makes invalid. */
  note(tags: readonly string[]): void
  /**
   * Runs a transaction: what was noted in it is marked before its commit and cleared after it, so
   * that nobody keeps what they read in between.
   */
  around<T>(transact: (run: Run<T>) => Promise<T>, run: Run<T>): Promise<T>
}

/** One transaction with all of its tries. */
interface Around {
  readonly marks: Marks[]
  ended: boolean
}

/** Marks that are too old for the commit that is to come are made anew this often. */
const MAX_MARKINGS = 3

/** What was noted in a transaction, which takes no more notes once it is marked. */
interface Notes {
  readonly tags: Set<string>
  open: boolean
}

/** Those of the transaction that the running code is in; several may run side by side. */
const notesHere = new AsyncLocalStorage<Notes>()

export function createInvalidations(cache: Pick<Cache, 'mark'>): Invalidations {
  async function markNoted(notes: Notes, db: Db, around: Around): Promise<void> {
    notes.open = false
    if (notes.tags.size === 0) return
    for (let attempt = 1; attempt <= MAX_MARKINGS && !around.ended; attempt++) {
      const marks = await cache.mark([...notes.tags])
      // A handler that outlives its call is rolled back, and nobody would clear what it marks.
      if (around.ended) {
        await marks.clear()
        return
      }
      around.marks.push(marks)
      await offBudget(() => marks.announce(db))
      if (marks.fresh) return
    }
  }

  return {
    get isOpen() {
      return notesHere.getStore()?.open ?? false
    },
    note(tags) {
      const notes = notesHere.getStore()
      for (const tag of tags) notes?.tags.add(tag)
    },
    async around(transact, run) {
      const here: Around = { marks: [], ended: false }
      const clear = () => Promise.all(here.marks.map((marks) => marks.clear()))
      try {
        const result = await transact((db) => {
          const notes: Notes = { tags: new Set(), open: true } // of this try alone
          return notesHere.run(notes, async () => {
            const answer = await run(db)
            await markNoted(notes, db, here)
            return answer
          })
        })
        here.ended = true
        await clear()
        return result
      } catch (error) {
        here.ended = true
        // Where nobody knows whether it was committed, the marks stand until they expire.
        if (!isFailure(error) || error.reason !== 'COMMIT_UNKNOWN') await clear()
        throw error
      }
    },
  }
}
