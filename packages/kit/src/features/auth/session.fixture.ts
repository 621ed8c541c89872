import { sql } from 'kysely'

import type { Db } from '../../db/database.ts'
import { samplesOf } from '../../testing/sql-samples.ts'
import { hashOf } from './opaque-token.ts'
import { insertSampleUser, sampleUser } from './sample-user.fixture.ts'
import * as queries from './session.ts'

const { id: userId } = sampleUser
const sessionId = '00000000-0000-0000-0000-000000000002'
const now = new Date()

/** A session whose first token was exchanged long ago, and whose second was not. */
async function given(db: Db) {
  await insertSampleUser(db)
  await sql`
    insert into tautline.session (id, user_id, created_at, last_used_at, expires_at)
    values (${sessionId}, ${userId}, now(), now(), 'infinity')`.execute(db)
  await sql`
    insert into tautline.refresh_token (hash, session_id, expires_at, used_at) values
      (${hashOf('first')}, ${sessionId}, 'infinity', 'epoch'),
      (${hashOf('second')}, ${sessionId}, 'infinity', null)`.execute(db)
}

export const samples = samplesOf(
  queries,
  {
    openSession: [userId, now],
    exchangeToken: {
      'a live one': ['second', now],
      'one that was used before': ['first', now],
    },
    closeSession: ['second', now],
    closeSessionsOf: {
      'all of them': [{ userId }, now],
      'all others': [{ userId, except: sessionId }, now],
    },
    isSessionLive: [{ userId, sessionId }, now],
  },
  given,
)
