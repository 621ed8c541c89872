import { sql } from 'kysely'

import { Failure } from '@tautline/shared'

import type { Db } from '../../db/database.ts'
import { hashOf } from './opaque-token.ts'
import { TOO_MANY_ATTEMPTS } from './schema.ts'

/** Failures that nobody has to wait after. The fifth begins the first wait. */
export const MAX_FAILURES = 5

/** The first wait, in milliseconds; each failure after it doubles the wait. */
export const FIRST_BLOCK_MS = 30_000

/** The longest wait. */
export const MAX_BLOCK_MS = 15 * 60_000

/** Failures further apart than this, or than this from the end of a wait, do not add up. */
export const FORGET_AFTER_MS = 15 * 60_000

/** Rows past their time that one write removes at most. */
const SWEEP_ROWS = 20

/** What failures count against: one thing that is tried on one address, known or not. */
export type Subject = Buffer

export function subjectOf(what: 'sign-in' | 'reset', email: string): Subject {
  return hashOf(`${what}:${email}`)
}

/** Throws `TOO_MANY_ATTEMPTS` while the subject has to wait. Changes nothing. */
export async function refuseBlocked(db: Db, subject: Subject, now: Date): Promise<void> {
  const blocked = await db
    .selectFrom('tautline.login_attempt')
    .select('blocked_until')
    .where('subject', '=', subject)
    .where('blocked_until', '>', now)
    .executeTakeFirst()
  if (blocked) throw tooMany(blocked.blocked_until, now)
}

/**
 * Counts a failure, in one statement: of any number at the same time each is counted, up to the one
 * that begins a wait. Those after it throw `TOO_MANY_ATTEMPTS`, whatever they would have learnt.
 */
export async function countFailure(db: Db, subject: Subject, now: Date): Promise<void> {
  const time = sql`${now}::timestamptz`
  const failures = sql`(case when seen.forget_at <= ${time} then 1 else seen.failures + 1 end)`
  const blockMs = sql`(case when ${failures} < ${MAX_FAILURES}::integer then 0
    else least(${MAX_BLOCK_MS}, ${FIRST_BLOCK_MS} * power(2, least(${failures} - ${MAX_FAILURES}::integer, 20)))
    end)`
  const blockedUntil = sql`(${time} + ${blockMs} * interval '1 ms')`
  const forgetAfter = sql`(${FORGET_AFTER_MS}::double precision * interval '1 ms')`
  const { rows } = await sql`
    insert into tautline.login_attempt as seen (subject, failures, blocked_until, forget_at)
    values (${subject}, 1, ${time}, ${time} + ${forgetAfter})
    on conflict (subject) do update set
      failures = ${failures},
      blocked_until = ${blockedUntil},
      forget_at = ${blockedUntil} + ${forgetAfter}
    where seen.blocked_until <= ${time}
    returning seen.failures`.execute(db)
  if (rows.length === 0) await refuseBlocked(db, subject, now)
  await sweep(db, now)
}

/**
 * Forgets the failures of a subject that has succeeded. Throws `TOO_MANY_ATTEMPTS` when it has come
 * to a wait meanwhile: of many guesses at once, no more than five are told whether they were right.
 * Belongs into the transaction of the success.
 */
export async function forgetFailures(db: Db, subject: Subject, now: Date): Promise<void> {
  const attempt = await db
    .selectFrom('tautline.login_attempt')
    .select('blocked_until')
    .where('subject', '=', subject)
    .forUpdate()
    .executeTakeFirst()
  if (!attempt) return
  if (attempt.blocked_until > now) throw tooMany(attempt.blocked_until, now)
  await unblock(db, subject)
}

/** Forgets the failures of a subject and any wait: whoever asks has proved more than a password. */
export async function unblock(db: Db, subject: Subject): Promise<void> {
  await db.deleteFrom('tautline.login_attempt').where('subject', '=', subject).execute()
}

async function sweep(db: Db, now: Date): Promise<void> {
  await sql`
    delete from tautline.login_attempt where subject in (
      select subject from tautline.login_attempt where forget_at <= ${now}
      order by forget_at limit ${SWEEP_ROWS} for update skip locked)`.execute(db)
}

function tooMany(blockedUntil: Date, now: Date): Failure<typeof TOO_MANY_ATTEMPTS> {
  const retryAfterMs = blockedUntil.getTime() - now.getTime()
  return new Failure(TOO_MANY_ATTEMPTS, { retryAfterMs })
}
