import { afterAll, beforeAll, expect, test } from 'vitest'

import { deleteNotificationsOf } from './delete-notifications.ts'
import {
  feature,
  MAX_KEPT,
  startNotifiedServer,
  type NotifiedServer,
} from './notifications-app.fixture.ts'

let server: NotifiedServer
beforeAll(async () => {
  server = await startNotifiedServer()
})
afterAll(() => server[Symbol.asyncDispose]())

/** A turn of the loop. */
const turn = () => feature.loops.retention.run(server.app.resources, new AbortController().signal)

/** Makes a notification of an owner older. */
const age = (owner: string, seq: number, { column, days }: { column: string; days: number }) =>
  server.ask(
    `update tautline.notification set ${column} = now() - $3 * interval '1 day'
     where owner = $1 and seq = $2`,
    [owner, seq, days],
  )

test('what was read goes after 30 days, and what nobody has read after 90', async () => {
  const { owner, client } = server.somebody()
  const { notifications } = client
  await server.end(owner, 4)
  await notifications.list.query()
  await notifications.markRead.mutate({ upTo: 2 })
  await age(owner, 1, { column: 'read_at', days: 31 })
  await age(owner, 2, { column: 'created_at', days: 91 })
  await age(owner, 3, { column: 'created_at', days: 91 })
  await age(owner, 4, { column: 'created_at', days: 89 })
  await turn()
  const { items, lastSeq } = await notifications.list.query()
  expect(items.map(({ seq }) => seq)).toEqual([4, 2])
  expect(lastSeq).toBe(4)
})

test('an owner has the newest alone, whether or not anybody looks', async () => {
  const [anna, berta] = [server.somebody(), server.somebody()]
  for (const { owner } of [anna, berta]) await server.endInSilence(owner, 200)
  const { items, unread, lastSeq } = await anna.client.notifications.list.query({ limit: 2 })
  expect([items.map(({ seq }) => seq), unread, lastSeq]).toEqual([[200, 199], MAX_KEPT, 200])
  await turn()
  const left = await server.ask(
    `select count(*)::int, min(seq), max(seq) from tautline.notification where owner = $1`,
    [berta.owner],
  )
  expect(left).toEqual([{ count: MAX_KEPT, min: 200 - MAX_KEPT + 1, max: 200 }])
  // What is gone is passed over.
  const watching = anna.client.notifications.watch.subscribe({ lastEventId: '7' })
  expect((await watching.next()).value).toMatchObject({ id: String(200 - MAX_KEPT + 1) })
  await watching.return?.()
})

test('the notifications of a deleted user go in batches, and those of nobody else', async () => {
  const [anna, berta] = [server.somebody(), server.somebody()]
  for (const { owner } of [anna, berta]) await server.end(owner, 5)
  await anna.client.notifications.list.query()
  const { userId } = anna
  expect(await deleteNotificationsOf(server.db, { userId }, 3)).toBe(3)
  expect(await deleteNotificationsOf(server.db, { userId }, 3)).toBe(2)
  expect(await anna.client.notifications.list.query()).toMatchObject({ items: [], lastSeq: 0 })
  expect(await berta.client.notifications.list.query()).toMatchObject({ unread: 5 })
})
