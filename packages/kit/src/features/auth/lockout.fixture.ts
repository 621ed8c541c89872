import type { Db } from '../../db/database.ts'
import { samplesOf } from '../../testing/sql-samples.ts'
import { accountSubject } from './lockout-subject.ts'
import { createLockout } from './lockout.ts'

const now = new Date()
const subject = accountSubject('sign-in', 'anna@example.com')

/** Somebody who has failed once. */
const given = (db: Db) =>
  db
    .insertInto('tautline.login_attempt')
    .values({ subject: subject.key, failures: 1, blocked_until: new Date(0), forget_at: now })
    .execute()

export const samples = samplesOf(
  createLockout(),
  {
    refuseBlocked: [[subject], now],
    countFailure: [[subject], now],
    forgetFailures: [subject, now],
    unblock: [subject],
  },
  given,
)
