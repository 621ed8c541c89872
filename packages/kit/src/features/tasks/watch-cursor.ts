import { createHash } from 'node:crypto'

import { badInput } from '../../platform/bad-input.ts'
import { MAX_SEQ } from '../../rpc/event-seq.ts'

/** Longest cursor, in characters: 50 tasks with the largest number each. */
export const MAX_CURSOR_LENGTH = 400

const CURSOR = /^([\w-]{8})((?:\.(?:0|[1-9a-z][0-9a-z]{0,5}))+)$/

/**
 * How far somebody is with several tasks, as text: the number of the last event of each, in the order
 * of their ids. No number of all events together would do: transactions commit in another order than
 * they take their numbers, and one that commits late would be passed over.
 */
export interface Cursors {
  readonly write: (seqs: readonly number[]) => string
  /** Throws `BAD_INPUT` for what is no cursor of these very tasks. */
  readonly read: (cursor: string) => number[]
}

export function createCursors(ids: readonly string[]): Cursors {
  // Keeps mistakes out, not attacks: owners see their own whatever they write here.
  const digest = createHash('sha256').update(ids.join(',')).digest('base64url').slice(0, 8)
  return {
    write: (seqs) => [digest, ...seqs.map((seq) => seq.toString(36))].join('.'),
    read(cursor) {
      const [, found, numbers = ''] = CURSOR.exec(cursor) ?? []
      const texts = numbers.split('.').slice(1)
      const seqs = texts.map((text) => Number.parseInt(text, 36))
      const fits = found === digest && seqs.length === ids.length
      if (fits && seqs.every((seq) => seq <= MAX_SEQ)) return seqs
      const message = 'This is no id of an event of these tasks.'
      throw badInput([{ path: ['lastEventId'], code: 'bad_cursor', message }])
    },
  }
}
