import { afterAll, beforeAll, expect, test } from 'vitest'

import {
  openReaders,
  startNotifiedServer,
  type NotifiedServer,
} from './notifications-app.fixture.ts'

let server: NotifiedServer
beforeAll(async () => {
  server = await startNotifiedServer()
})
afterAll(() => server[Symbol.asyncDispose]())

type Somebody = ReturnType<NotifiedServer['somebody']>

const watch = ({ client }: Somebody, lastEventId?: string) =>
  client.notifications.watch.subscribe(lastEventId === undefined ? undefined : { lastEventId })

type Watch = ReturnType<typeof watch>

/** The next few of a watch, which goes on. */
async function next(watching: Watch, count = 1) {
  const got = []
  while (got.length < count) {
    const step = await watching.next()
    if (step.done) break
    got.push(step.value)
  }
  return got
}

/** The first few of a watch, which then ends. */
async function first(watching: Watch, count = 1) {
  const got = await next(watching, count)
  await watching.return?.()
  return got
}

const idsOf = (sent: readonly { readonly id: string }[]) => sent.map(({ id }) => id)

const reasonOf = (watching: Watch) =>
  watching.next().then(
    () => 'none',
    (error: unknown) => (error instanceof Error && 'reason' in error ? error.reason : error),
  )

const followed = () => server.gauges()['notification_owners_followed']

test('a watch tells what was, and what comes', async () => {
  const anna = server.somebody()
  await server.end(anna.owner, 2)
  const watching = watch(anna)
  expect(await next(watching)).toEqual([
    {
      id: '1',
      data: {
        id: expect.any(String),
        seq: 1,
        kind: 'task',
        taskId: expect.any(String),
        name: 'task 1',
        state: 'succeeded',
        error: null,
        readAt: null,
        createdAt: expect.any(Date),
      },
    },
  ])
  expect(idsOf(await next(watching))).toEqual(['2'])
  const coming = first(watching)
  await server.end(anna.owner)
  expect(idsOf(await coming)).toEqual(['3'])
})

test('a watch goes on behind a list, and is refused behind what is not there yet', async () => {
  const anna = server.somebody()
  await server.end(anna.owner, 3)
  const { lastSeq } = await anna.client.notifications.list.query({ limit: 1 })
  const coming = first(watch(anna, String(lastSeq)))
  await server.end(anna.owner)
  expect(idsOf(await coming)).toEqual(['4'])
  expect(await reasonOf(watch(anna, '5'))).toBe('BAD_INPUT')
  expect(await reasonOf(watch(anna, 'x'))).toBe('BAD_INPUT')
  expect(await reasonOf(watch(server.somebody(), '1'))).toBe('BAD_INPUT')
})

test('what commits late, though it was written first, is missed by nobody who resumes', async () => {
  const anna = server.somebody()
  const early = await server.ending(anna.owner, 'written first')
  const late = await server.ending(anna.owner, 'committed first')
  await late.commit()
  const [one] = await first(watch(anna))
  expect(one?.data.name).toBe('committed first')
  await early.commit()
  const [other] = await first(watch(anna, one?.id))
  expect(other?.data.name).toBe('written first')
  const { items } = await anna.client.notifications.list.query()
  expect(items.map(({ seq, name }) => [seq, name])).toEqual([
    [2, 'written first'],
    [1, 'committed first'],
  ])
})

test('a task that ends waits for no other, be it in a transaction that stands still', async () => {
  const anna = server.somebody()
  const standing = await server.ending(anna.owner, 'one')
  await server.end(anna.owner)
  expect((await anna.client.notifications.list.query()).items).toHaveLength(1)
  await standing.rollback()
  expect(await anna.client.notifications.list.query()).toMatchObject({ unread: 1, lastSeq: 1 })
})

test('whoever watches sees each once, in order, whenever they begin and however many write', async () => {
  const anna = server.somebody()
  /** Cut off in the middle, and resumed. */
  async function watchTwice(cut: number): Promise<string[]> {
    const ids = idsOf(await first(watch(anna), cut))
    return [...ids, ...idsOf(await first(watch(anna, ids.at(-1)), 40 - cut))]
  }
  /** Ends tasks in pairs, and commits the later one first. */
  async function write(): Promise<void> {
    for (let pair = 0; pair < 5; pair++) {
      const one = await server.ending(anna.owner, 'one')
      const other = await server.ending(anna.owner, 'other')
      await other.commit()
      await one.commit()
    }
  }
  const watchers = [watchTwice(1), watchTwice(20)]
  const writing = Promise.all([write(), write(), write(), write()])
  // Whoever looks numbers what is new, and several look at the same time.
  for (let lists = 0; lists < 10; lists++) {
    await Promise.all([1, 2, 3, 4].map(() => anna.client.notifications.list.query()))
  }
  await writing
  watchers.push(watchTwice(39))
  const all = Array.from({ length: 40 }, (_, index) => String(index + 1))
  for (const ids of await Promise.all(watchers)) expect(ids).toEqual(all)
})

test('a watch goes on when the connection that listens is lost', async () => {
  const anna = server.somebody()
  await server.end(anna.owner)
  const watching = watch(anna)
  await next(watching)
  const coming = first(watching)
  const lost = await server.ask(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and query ~* '^(listen|select$)'`,
  )
  expect(lost).toHaveLength(1)
  await server.end(anna.owner)
  expect(idsOf(await coming)).toEqual(['2'])
})

test('what comes is told by the doorbell; what that has not told is found a while later', async () => {
  const [anna, berta] = [server.somebody(), server.somebody()]
  await using told = openReaders(server, 1_000_000)
  await using found = openReaders(server, 50)
  const [one, other] = [told.join(anna.owner, () => {}), found.join(berta.owner, () => {})]
  await expect.poll(told.rounds).toBe(2) // for who has joined, and when the bell is heard
  await server.end(anna.owner)
  await server.endInSilence(berta.owner)
  await expect.poll(() => [one.head, other.head], { timeout: 10_000 }).toEqual([1, 1])
  for (const joined of [one, other]) joined.leave()
})

test('whoever leaves lets go of all that was held for them', async () => {
  await expect.poll(followed).toBeUndefined()
  const [anna, berta] = [server.somebody(), server.somebody()]
  await server.end(anna.owner)
  const watches = [watch(anna), watch(anna), watch(berta)]
  for (const watching of watches.slice(0, 2)) await next(watching)
  const rest = watches.map((watching) => next(watching))
  await expect.poll(followed).toBe(2)
  for (const watching of watches.slice(0, 2)) await watching.return?.()
  await expect.poll(followed).toBe(1)
  await watches[2]?.return?.()
  expect(await Promise.all(rest)).toEqual([[], [], []])
  await expect.poll(followed).toBeUndefined()
})
