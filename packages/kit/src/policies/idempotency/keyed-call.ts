import type { ErrorDefinition } from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import type { KeyOwner } from './keys.ts'

/** A call that has a key. */
export interface KeyedCall extends KeyOwner {
  /** Of the input: `fingerprintOf`. */
  readonly fingerprint: Uint8Array
  /** What the procedure declares. No other failure is stored. */
  readonly errors: readonly ErrorDefinition[]
  readonly signal: AbortSignal
  /** What is left of the call's time, in milliseconds. Default: without end. */
  readonly remainingMs?: number | undefined
  /** Told before the call begins to wait for a rival of this process. */
  readonly onWait?: () => void
  /**
   * Asked when such a wait has ended with its turn, before it does anything. Told when to come again,
   * the call is refused, and the turn is the next one's.
   */
  readonly onTurn?: () => Promise<{ readonly retryAfterMs: number } | undefined>
  /** Told that the answer, or the refusal, is one that was given before. */
  readonly onReplay?: () => void
}

/** What is to be done once. */
export interface KeyedWork<T> {
  /** Runs all of it in one transaction and commits that; again as a whole after 40001 and 40P01. */
  readonly transact: <R>(run: (db: Db) => Promise<R>) => Promise<R>
  readonly work: (db: Db) => Promise<T>
  /** The answer as it is stored, and replayed. */
  readonly encode: (result: T) => string
}

/** How a keyed call was answered: by its own work, or with what an earlier one has stored. */
export type KeyedAnswer<T> =
  | { readonly replayed: false; readonly text: string; readonly result: T }
  | { readonly replayed: true; readonly text: string }

/** Where a keyed call can be when its process ends, in this order. */
export type KeyedCallPoint =
  | 'before-claim'
  | 'after-claim'
  | 'after-work'
  | 'before-store'
  | 'after-store'
  | 'before-commit'
  | 'after-commit'
  | 'before-response'
