import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { createTRPCClient, httpBatchLink, splitLink } from '@trpc/client'
import superjson from 'superjson'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { subscriptionLink } from '@tautline/client'

import { createDatabase } from '../faults/server-process.ts'
import { ENVIRONMENT, startSource } from '../idempotency/source-process.ts'
import { startMortalServer, type MortalServer } from './mortal-server.ts'
import { ANNA, type WatchedRouter } from './watched-app.ts'
import { openWriter, type Writer } from './writer.ts'

const world = new AsyncDisposableStack()
let server: MortalServer
let writer: Writer
let url: string
beforeAll(async () => {
  const { directUrl } = world.use(await createDatabase())
  server = world.use(await startMortalServer(directUrl))
  writer = world.use(openWriter(directUrl))
  url = `http://127.0.0.1:${server.port}/rpc`
})
afterAll(() => world.disposeAsync())

const EVENTS = 20
const all = Array.from({ length: EVENTS }, (_, index) => [String(index + 1), index + 1])

test('the stock client of tRPC watches a task to its end, also where it has to resume', async () => {
  const [id = ''] = await writer.addTasks(1)
  const script = fileURLToPath(new URL('./stock-watcher.fixture.ts', import.meta.url))
  const words = ['--experimental-eventsource', script, url, id]
  const watcher = startSource({ words, environment: ENVIRONMENT, by: 'ipc' })
  const got: unknown[] = []
  watcher.on('message', (event: { id: string; data: { json: unknown; seq: number } }) => {
    got.push([event.id, event.data.seq])
  })
  const ended = once(watcher, 'exit')
  // It is to resume once a second.
  await writer.write([id], { events: EVENTS, overMs: 3_000 })
  await ended
  expect(got).toEqual(all)
})

test('a client of tRPC with our link does so too, and keeps its callbacks', async () => {
  const [id = ''] = await writer.addTasks(1)
  const client = createTRPCClient<WatchedRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'subscription',
        true: subscriptionLink({ url, auth: () => ANNA }),
        false: httpBatchLink({ url, transformer: superjson }),
      }),
    ],
  })
  const got: unknown[] = []
  const told: unknown[] = []
  const written = writer.write([id], { events: EVENTS, overMs: 500 })
  const ended = new Promise<void>((resolve, reject) => {
    client.tasks.watch.subscribe(
      { id },
      {
        onStarted: () => told.push('started'),
        onData: (event) => got.push([event.id, event.data.seq]),
        onConnectionStateChange: ({ state }) => told.push(state),
        onStopped: () => told.push('stopped'),
        onError: reject,
        onComplete: resolve,
      },
    )
  })
  await expect.poll(() => got.length).toBeGreaterThan(3)
  await server.restart('SIGKILL', 0)
  await Promise.all([written, ended])
  expect(got).toEqual(all)
  expect(told.slice(0, 3)).toEqual(['connecting', 'started', 'pending'])
  expect(told.slice(-2)).toEqual(['idle', 'stopped'])
  const failed = new Promise((resolve) => {
    client.tasks.watch.subscribe({ id: crypto.randomUUID() }, { onError: resolve })
  })
  expect(await failed).toMatchObject({ data: { reason: 'TASK_NOT_FOUND', retryable: false } })
  expect(await client.tasks.get.query({ id })).toMatchObject({ state: 'succeeded' })
})
