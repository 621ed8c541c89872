import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { defineApp } from '../../app-definition.ts'
import { createCachedApp, heard, prepareNotes } from '../../rpc/cached-app.fixture.ts'
import { errorOf, post } from '../../rpc/raw-call.fixture.ts'
import { startTestServer, type TestServer } from '../../testing/index.ts'
import { cacheControl } from './cache-control.ts'

const { app: notesApp, runsOf } = createCachedApp()
const app = defineApp({ ...notesApp, features: { ...notesApp.features, cache: cacheControl } })

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
  await anna().get.query({ id })
  return id
}

/** Whether the handler runs when anna reads. */
async function isMissed(id: string): Promise<boolean> {
  const before = runsOf(`get ${id}`)
  expect(await anna().get.query({ id })).toEqual({ shown: 'first' })
  return runsOf(`get ${id}`) > before
}

describe('cache.purge', () => {
  const admin = () => server.clientAs({ userId: 'chief', roles: ['admin'] }).cache

  test('is for admins alone', async () => {
    const id = await readNote()
    const nobody = await post(`${server.url}/rpc/cache.purge`, '{"json":{}}')
    expect(errorOf(nobody).reason).toBe('UNAUTHENTICATED')
    const user = server.clientAs({ userId: 'anna', roles: ['editor'], scopes: ['admin'] })
    await expect(user.cache.purge.mutate()).rejects.toMatchObject({ reason: 'FORBIDDEN' })
    expect(await isMissed(id)).toBe(false)
  })

  test('makes what is kept under the tags invalid, or all of it', async () => {
    const [one, other] = [await readNote(), await readNote()]
    await admin().purge.mutate({ tags: [`note:${one}`] })
    expect(await isMissed(one)).toBe(true)
    expect(await isMissed(other)).toBe(false)
    await admin().purge.mutate()
    expect(await isMissed(one)).toBe(true)
    expect(await isMissed(other)).toBe(true)
  })
})
