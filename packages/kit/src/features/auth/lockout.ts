import { sql } from 'kysely'

import { Failure } from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import { asBookkeeping } from './bookkeeping.ts'
import { deleteExpired } from './expired-rows.ts'
import { createLockoutMemory, type LockoutMemory } from './lockout-memory.ts'
import type { Subject } from './lockout-subject.ts'
import { TOO_MANY_ATTEMPTS } from './schema.ts'

/** The first wait, in milliseconds; each failure after it doubles the wait. */
export const FIRST_BLOCK_MS = 30_000

/** The longest wait. */
export const MAX_BLOCK_MS = 15 * 60_000

/** Failures further apart than this, or than this from the end of a wait, do not add up. */
export const FORGET_AFTER_MS = 15 * 60_000

/** Who has failed too often has to wait. Counted in Postgres, so that all processes agree. */
export interface Lockout {
  /**
   * Throws `TOO_MANY_ATTEMPTS` while any of the subjects has to wait, mostly without a query.
   * Changes nothing.
   */
  refuseBlocked(db: Db, subjects: readonly Subject[], now: Date): Promise<void>
  /**
   * Counts a failure against each subject: of any number at the same time each is counted, up to the
   * one that begins a wait. Those after it throw `TOO_MANY_ATTEMPTS`, whatever they would have
   * learnt. Must not be part of a transaction that the failure undoes, and is no change of the call.
   */
  countFailure(db: Db, subjects: readonly Subject[], now: Date): Promise<void>
  /**
   * Forgets the failures of a subject that has succeeded. Throws `TOO_MANY_ATTEMPTS` when it has
   * come to a wait meanwhile: of many guesses at once, no more than are allowed are told whether
   * they were right. Belongs into the transaction of the success.
   */
  forgetFailures(db: Db, subject: Subject, now: Date): Promise<void>
  /** Forgets the failures of a subject and any wait: whoever asks has proved more than a password. */
  unblock(db: Db, subject: Subject): Promise<void>
  /** Waits that this process knows without asking. */
  readonly remembered: number
}

export function createLockout(): Lockout {
  const memory = createLockoutMemory()

  async function unblock(db: Db, { key }: Subject): Promise<void> {
    memory.forget(key)
    await db.deleteFrom('tautline.login_attempt').where('subject', '=', key).execute()
  }

  return {
    async refuseBlocked(db, subjects, now) {
      for (const { key } of subjects) {
        const blockedUntil = memory.blockedUntil(key, now)
        if (blockedUntil) throw tooMany(blockedUntil, now)
      }
      const blockedUntil = await readWaits({ db, memory }, subjects, now)
      if (blockedUntil) throw tooMany(blockedUntil, now)
    },
    async countFailure(db, subjects, now) {
      const inTime = await asBookkeeping(() => countEach({ db, memory }, subjects, now))
      const blockedUntil = !inTime && (await readWaits({ db, memory }, subjects, now))
      if (blockedUntil) throw tooMany(blockedUntil, now)
    },
    async forgetFailures(db, subject, now) {
      const attempt = await db
        .selectFrom('tautline.login_attempt')
        .select('blocked_until')
        .where('subject', '=', subject.key)
        .forUpdate()
        .executeTakeFirst()
      if (!attempt) return
      if (attempt.blocked_until > now) throw tooMany(attempt.blocked_until, now)
      await unblock(db, subject)
    },
    unblock,
    get remembered() {
      return memory.size
    },
  }
}

interface Store {
  readonly db: Db
  readonly memory: LockoutMemory
}

/** Says whether none came too late to count. */
async function countEach({ db, memory }: Store, subjects: readonly Subject[], now: Date) {
  let inTime = true
  for (const subject of subjects) {
    const blockedUntil = await countOne(db, subject, now)
    if (blockedUntil === undefined) inTime = false
    else if (blockedUntil > now) memory.remember(subject.key, blockedUntil, now)
  }
  await deleteExpired(db, 'tautline.login_attempt', now)
  return inTime
}

/** The end of the longest wait among the subjects, all of which are remembered. */
async function readWaits(
  { db, memory }: Store,
  subjects: readonly Subject[],
  now: Date,
): Promise<Date | undefined> {
  const keys = subjects.map(({ key }) => key)
  const waits = await db
    .selectFrom('tautline.login_attempt')
    .select(['subject', 'blocked_until as blockedUntil'])
    .where('subject', 'in', keys)
    .where('blocked_until', '>', now)
    .orderBy('blocked_until', 'desc')
    .execute()
  for (const { subject, blockedUntil } of waits) memory.remember(subject, blockedUntil, now)
  return waits[0]?.blockedUntil
}

/**
 * In one statement. Returns the end of the wait, the epoch for none: not the time of the failure,
 * which may still be ahead for a failure at the same time. Undefined for one too late to count.
 */
async function countOne(
  db: Db,
  { key, maxFailures }: Subject,
  now: Date,
): Promise<Date | undefined> {
  const time = sql`${now}::timestamptz`
  const failures = sql`(case when seen.forget_at <= ${time} then 1 else seen.failures + 1 end)`
  const doublings = sql`least(${failures} - ${maxFailures}::integer, 20)`
  const blockMs = sql`least(${MAX_BLOCK_MS}, ${FIRST_BLOCK_MS} * power(2, ${doublings}))`
  const blockedUntil = sql`(case when ${failures} < ${maxFailures}::integer then 'epoch'
    else ${time} + ${blockMs} * interval '1 ms' end)`
  const forgetAfter = sql`(${FORGET_AFTER_MS}::double precision * interval '1 ms')`
  const { rows } = await sql<{ blocked_until: Date }>`
    insert into tautline.login_attempt as seen (subject, failures, blocked_until, forget_at)
    values (${key}, 1, 'epoch', ${time} + ${forgetAfter})
    on conflict (subject) do update set
      failures = ${failures},
      blocked_until = ${blockedUntil},
      forget_at = greatest(${time}, ${blockedUntil}) + ${forgetAfter}
    where seen.blocked_until <= ${time}
    returning seen.blocked_until`.execute(db)
  return rows[0]?.blocked_until
}

function tooMany(blockedUntil: Date, now: Date): Failure<typeof TOO_MANY_ATTEMPTS> {
  const retryAfterMs = blockedUntil.getTime() - now.getTime()
  return new Failure(TOO_MANY_ATTEMPTS, { retryAfterMs })
}
