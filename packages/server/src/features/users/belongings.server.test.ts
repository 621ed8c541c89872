import { once } from 'node:events'
import { request } from 'node:http'
import { Readable } from 'node:stream'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { watchTask } from '@tautline/client'
import { identityOf } from '@tautline/kit'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'
import { users } from './users.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

/** A turn of the loop, once no token of those who were deleted works any more. */
function turn() {
  const now = new Date(Date.now() + 12 * 60_000)
  const resources = { ...server.app.resources, clock: { now: () => now } }
  return users.loops.delete_leftovers.run(resources, new AbortController().signal)
}

let people = 0
/** Somebody who has signed in; the client keeps the access token, whatever becomes of them. */
async function newUser() {
  const email = `user${++people}@example.com`
  const newcomer = { email, name: 'User', password: 'correct horse battery' }
  const { user, accessToken } = await server.client().auth.register.mutate(newcomer)
  const { id } = user
  const client = server.client({ auth: () => accessToken })
  const { db, files } = server.app.resources
  return {
    id,
    client,
    accessToken,
    /** Begins to import two items. */
    async beginImport() {
      const source = Readable.from([Buffer.from('sku,name,priceMinor\na,A,1\nb,B,2\n')])
      const file = await files.create(identityOf({ userId: id }), { name: 'items.csv', source })
      const wanted = { fileId: file.id, onConflict: 'skip' } as const
      return (await client.items.import.mutate(wanted)).taskId
    },
    async isDone(taskId: string) {
      const state = async () => (await client.tasks.get.query({ id: taskId })).state
      await expect.poll(state, { timeout: 10_000 }).toBe('succeeded')
    },
    /** What there is of theirs. */
    async belongings() {
      const { rows } = await sql<Record<'tasks' | 'files' | 'items', number>>`
        select
          (select count(*)::int from tautline.task where owner = ${identityOf({ userId: id })}) as tasks,
          (select count(*)::int from tautline.file where owner = ${identityOf({ userId: id })}) as files,
          (select count(*)::int from item where owner_id = ${id}) as items`.execute(db)
      return rows[0]
    },
  }
}

const nothing = { tasks: 0, files: 0, items: 0 }

test('a user takes tasks, files and what they made along, and nobody else’s', async () => {
  const [anna, berta] = [await newUser(), await newUser()]
  for (const user of [anna, berta]) await user.isDone(await user.beginImport())
  await anna.client.users.delete.mutate({ id: anna.id })
  expect(await anna.belongings()).toEqual(nothing)
  expect(await berta.belongings()).toEqual({ tasks: 1, files: 1, items: 2 })
  expect((await berta.client.tasks.list.query()).items).toHaveLength(1)
})

test('a user takes along what is theirs in a tenant', async () => {
  const { db, files } = server.app.resources
  const [anna, berta] = [await newUser(), await newUser()]
  const owners = [anna, berta].map(({ id }) => identityOf({ userId: id, tenantId: 'acme' }))
  for (const owner of owners) {
    await files.create(owner, { name: 'a', source: Readable.from([Buffer.from('x')]) })
    await sql`insert into tautline.task (name, owner, input, priority)
      values ('none', ${owner}, '{}', 0)`.execute(db)
    await sql`insert into tautline.notification (owner, kind, task_id, name, state)
      values (${owner}, 'task', gen_random_uuid(), 'none', 'dead')`.execute(db)
  }
  await anna.client.users.delete.mutate({ id: anna.id })
  const { rows } = await sql<{ owner: string }>`
    select owner from tautline.file union all select owner from tautline.file_usage
    union all select owner from tautline.task union all select owner from tautline.notification
    `.execute(db)
  const left = rows.filter(({ owner }) => owner === owners[0] || owner === owners[1])
  expect(left).toEqual(Array(4).fill({ owner: owners[1] }))
})

test('a task that runs when its owner is deleted writes nothing any more', async () => {
  const { db } = server.app.resources
  const anna = await newUser()
  await db.transaction().execute(async (held) => {
    await sql`lock table item_import in share mode`.execute(held)
    await anna.beginImport()
    const waiting = sql`select from pg_stat_activity
      where pg_backend_pid() = any(pg_blocking_pids(pid))`
    await expect.poll(async () => (await waiting.execute(held)).rows.length).toBe(1)
    await anna.client.users.delete.mutate({ id: anna.id })
  })
  await expect
    .poll(() => server.logs.some(({ msg }) => msg === 'an attempt was told to end'))
    .toBe(true)
  expect(await anna.belongings()).toEqual(nothing)
})

test('whoever deletes a user waits for a task that keeps a file without holding what that needs next', async () => {
  const { db } = server.app.resources
  const anna = await newUser()
  await anna.isDone(await anna.beginImport())
  const owner = identityOf({ userId: anna.id })
  let deleting: Promise<unknown> | undefined
  await db.transaction().execute(async (held) => {
    await sql`select from tautline.file_usage where owner = ${owner} for update`.execute(held)
    deleting = anna.client.users.delete.mutate({ id: anna.id })
    const waiting = sql`select from pg_stat_activity
      where pg_backend_pid() = any(pg_blocking_pids(pid))`
    await expect.poll(async () => (await waiting.execute(held)).rows.length).toBe(1)
    await sql`select from tautline.task where owner = ${owner} for no key update nowait`.execute(
      held,
    )
  })
  await deleting
  expect(await anna.belongings()).toEqual(nothing)
})

test('who watches a task when its owner is deleted is told that it is gone', async () => {
  const { db } = server.app.resources
  const anna = await newUser()
  await db.transaction().execute(async (held) => {
    await sql`lock table item_import in share mode`.execute(held)
    const id = await anna.beginImport()
    const types: string[] = []
    async function watch() {
      for await (const { type } of watchTask(anna.client, id)) types.push(type)
    }
    const watched = watch().catch((error: unknown) => error)
    await expect.poll(() => types).toEqual(['queued', 'started'])
    await anna.client.users.delete.mutate({ id: anna.id })
    expect(await watched).toMatchObject({ reason: 'TASK_NOT_FOUND' })
  })
})

test('a user of another tenant whose task somebody holds is not forgotten', async () => {
  const { db } = server.app.resources
  const anna = await newUser()
  await anna.client.users.delete.mutate({ id: anna.id })
  const owner = identityOf({ userId: anna.id, tenantId: 'acme' })
  await sql`insert into tautline.task (name, owner, input, priority)
    values ('none', ${owner}, '{}', 0)`.execute(db)
  const isRemembered = async () => {
    const ids = db.selectFrom('deleted_user').select('id').where('id', '=', anna.id)
    return (await ids.execute()).length === 1
  }
  await db.transaction().execute(async (held) => {
    await sql`select from tautline.task where owner = ${owner} for update`.execute(held)
    await turn()
    expect(await isRemembered()).toBe(true)
  })
  await turn()
  expect(await isRemembered()).toBe(false)
})

test('what a deleted user begins with an access token that is out goes once no token works', async () => {
  const anna = await newUser()
  await anna.client.users.delete.mutate({ id: anna.id })
  await anna.isDone(await anna.beginImport())
  expect(await anna.belongings()).toEqual({ tasks: 1, files: 1, items: 2 })
  await turn()
  expect(await anna.belongings()).toEqual(nothing)
  const { db } = server.app.resources
  expect(await db.selectFrom('deleted_user').select('id').execute()).toEqual([])
})

test('a user whose task somebody holds is not forgotten, and keeps no turn waiting', async () => {
  const { db } = server.app.resources
  const anna = await newUser()
  await anna.client.users.delete.mutate({ id: anna.id })
  const taskId = await anna.beginImport()
  await anna.isDone(taskId)
  await db.transaction().execute(async (held) => {
    await sql`select from tautline.task where id = ${taskId} for update`.execute(held)
    await turn()
    expect(await anna.belongings()).toEqual({ tasks: 1, files: 0, items: 0 })
  })
  await turn()
  expect(await anna.belongings()).toEqual(nothing)
})

test('an upload that outlives its user makes no file', async () => {
  const { db } = server.app.resources
  const anna = await newUser()
  const upload = request(`${server.url}/files`, {
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${anna.accessToken}` },
  })
  upload.write('begun')
  const coming = sql`select from tautline.file_unclaimed where remove_after > now() + interval '5 min'`
  const begun = async () => (await coming.execute(db)).rows.length
  await expect.poll(begun).toBe(1)
  await anna.client.users.delete.mutate({ id: anna.id })
  await turn()
  upload.end(', and ended')
  const [answer] = await once(upload, 'response')
  expect(answer.resume().statusCode).toBe(401)
  expect(await anna.belongings()).toEqual(nothing)
})
