import { sql } from 'kysely'

import type { Db } from '../db/database.ts'
import { queueOf } from './boss-schema.ts'
import { toText } from './wire-text.ts'

/** A task that somebody wants to be there, with a job to be fetched. */
export interface NewTask {
  readonly id: string
  readonly name: string
  readonly owner: string | null
  readonly input: string
  readonly jobId: string
  readonly priority: number
  readonly dedupeKey: string | null
  readonly delayMs: number
}

/** What came of the wish to add a task. */
export type Accepted =
  | { readonly outcome: 'added' | 'duplicate'; readonly id: string }
  | { readonly outcome: 'too many' | 'contended'; readonly id: null }

const EMPTY = toText({})

/**
 * Adds a task, its first event and its job, unless the owner has `maxUnfinished` that are not finished, or
 * one of its dedupe key: that one is returned. Makes this transaction the only one that adds to the
 * owner's until its commit, and waits for one that is about to add the same key.
 */
export async function addTask(db: Db, task: NewTask, maxUnfinished: number): Promise<Accepted> {
  const { id, name, owner, input, jobId, priority, dedupeKey, delayMs } = task
  const { rows } = await sql<Accepted>`
    select accepted_id as id, outcome from tautline.accept_task(
      ${id}, ${name}, ${owner}, ${input}, ${jobId}, ${priority}, ${dedupeKey}, ${queueOf(name)},
      ${delayMs}, ${maxUnfinished}, ${EMPTY}
    )`.execute(db)
  const [accepted] = rows
  if (!accepted) throw new Error('tautline.accept_task has returned nothing.')
  return accepted
}
