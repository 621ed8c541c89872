import { sql } from 'kysely'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startTestServer, type TestServer } from '../testing/index.ts'
import { authorizationOf } from '../testing/test-identity.ts'
import { createCachedApp, heard, LOCK, PATIENT, prepareNotes } from './cached-app.fixture.ts'
import { raw } from './raw-call.fixture.ts'

const { app, runsOf } = createCachedApp()

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
  await prepareNotes(server)
})
afterAll(() => server[Symbol.asyncDispose]())

const anna = () => server.clientAs({ userId: 'anna' }).note
let notes = 0

/** A note that anna has read, so that her answer is kept. */
async function readNote(): Promise<string> {
  const id = `note-${++notes}`
  await anna().write.mutate({ id, text: 'first' })
  await heard(server)
  expect(await read(id)).toEqual({ shown: 'first', again: true })
  return id
}

/** What anna is shown; `again` when the handler has run for it. */
async function read(id: string) {
  const before = runsOf(`get ${id}`)
  const { shown } = await anna().get.query({ id })
  return { shown, again: runsOf(`get ${id}`) > before }
}

/** Holds every COMMIT of a note until it is disposed of. */
async function holdCommits() {
  const session = new Client({ connectionString: server.databaseUrl })
  await session.connect()
  await session.query('select pg_advisory_lock($1)', [LOCK])
  return {
    async held(): Promise<number> {
      const { rows } = await session.query(
        `select 1 from pg_locks where locktype = 'advisory' and not granted
         and database = (select oid from pg_database where datname = current_database())`,
      )
      return rows.length
    },
    [Symbol.asyncDispose]: () => session.end(),
  }
}

/** Whether a query has read its note, and is still running. */
async function isLingering(): Promise<boolean> {
  const { rows } = await sql`
    select 1 from pg_stat_activity
    where state = 'active' and datname = current_database()
      and query like 'select pg_sleep%'`.execute(server.app.resources.db)
  return rows.length > 0
}

describe('a mutation', () => {
  test('is seen by every read after its answer', async () => {
    const id = await readNote()
    for (const text of ['second', 'third', 'fourth']) {
      await anna().write.mutate({ id, text })
      expect(await read(id)).toEqual({ shown: text, again: true })
      await heard(server)
      expect((await read(id)).shown).toBe(text)
      expect(await read(id)).toEqual({ shown: text, again: false })
    }
  })

  test('keeps others from keeping what they read while it commits', async () => {
    const id = await readNote()
    let writing: Promise<void>
    {
      await using commits = await holdCommits()
      writing = anna().write.mutate({ id, text: 'second' })
      await expect.poll(() => commits.held(), PATIENT).toBe(1)
      expect(await read(id)).toEqual({ shown: 'first', again: true })
      expect(await read(id)).toEqual({ shown: 'first', again: true })
    }
    await writing
    expect(await read(id)).toEqual({ shown: 'second', again: true })
  })

  test('makes invalid what was read before it and is kept after it', async () => {
    const id = await readNote()
    const before = anna().lingering.query({ id })
    await expect.poll(isLingering, PATIENT).toBe(true)
    await anna().write.mutate({ id, text: 'second' })
    expect(await before).toEqual({ shown: 'first' })
    expect(await anna().lingering.query({ id })).toEqual({ shown: 'second' })
  })

  test('that is rolled back costs a miss and changes no answer', async () => {
    const [id, other] = [await readNote(), await readNote()]
    await expect(anna().writeOrNot.mutate({ id, text: 'never' })).rejects.toMatchObject({
      reason: 'FORBIDDEN',
    })
    expect((await read(id)).shown).toBe('first')
    await heard(server)
    expect((await read(id)).shown).toBe('first')
    expect(await read(id)).toEqual({ shown: 'first', again: false })
    expect(await read(other)).toEqual({ shown: 'first', again: false })
  })

  test('that runs again makes invalid what its last run has changed', async () => {
    const [first, second] = [await readNote(), await readNote()]
    await anna().writeAgain.mutate({ first, second })
    await heard(server)
    expect(runsOf(`again ${first}`)).toBe(2)
    expect(await read(first)).toEqual({ shown: 'first', again: false })
    expect(await read(second)).toEqual({ shown: 'again', again: true })
  })

  test('with transactions side by side makes invalid what each of them has changed', async () => {
    const ids = [await readNote(), await readNote()]
    let writing: Promise<void>
    {
      await using commits = await holdCommits()
      writing = anna().writeBoth.mutate({ ids })
      await expect.poll(() => commits.held(), PATIENT).toBe(2)
      for (const id of ids) expect(await read(id)).toEqual({ shown: 'first', again: true })
      for (const id of ids) expect(await read(id)).toEqual({ shown: 'first', again: true })
    }
    await writing
    for (const id of ids) expect(await read(id)).toEqual({ shown: 'both', again: true })
  })

  test('that was answered before makes nothing invalid', async () => {
    const id = await readNote()
    const headers = {
      authorization: authorizationOf({ userId: 'anna', roles: [], scopes: [] }),
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
    }
    const body = JSON.stringify({ json: { id, text: 'once' } })
    const write = () => raw(`${server.url}/rpc/note.write`, { method: 'POST', headers, body })
    expect((await write()).status).toBe(200)
    expect(await read(id)).toEqual({ shown: 'once', again: true })
    await heard(server)
    await read(id)
    const replay = await write()
    expect([replay.status, replay.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
    expect(await read(id)).toEqual({ shown: 'once', again: false })
  })
})
