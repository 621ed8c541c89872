import { afterAll, beforeAll, expect, test } from 'vitest'

import { listenBeside } from '../../db/listener.fixture.ts'
import { identityOf } from '../../rpc/handler-context.ts'
import { startTestServer, type TestServer } from '../../testing/index.ts'
import { openPeek, type Peek } from './peek.fixture.ts'
import { app, MAX_UNFINISHED, runs } from './tasks-app.fixture.ts'

let server: TestServer<typeof app>
let peek: Peek
beforeAll(async () => {
  server = await startTestServer(app, { worker: false })
  peek = await openPeek(server)
})
afterAll(async () => {
  await peek[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

let people = 0
/** Somebody who has no task yet. */
const somebody = () => server.clientAs({ userId: `user-${++people}` }).work

test('a task is there with the commit of the mutation that wanted it, and is its caller’s', async () => {
  const caller = { userId: 'anna', tenantId: 'acme', issuer: 'https://issuer.example' }
  const { id } = await server.clientAs(caller).work.make.mutate({ note: 'anna' })
  const row = await peek.task(id)
  expect(row).toMatchObject({ owner: identityOf(caller), state: 'queued', name: 'work.report' })
  expect(await peek.jobsOf(id)).toBe(1)
})

test('a backend rings for the workers of all processes, and for whoever watches', async () => {
  const { app: backend, databaseUrl } = server
  const channels = ['tautline_job', 'tautline_task']
  await using listener = await listenBeside(backend.resources.db, databaseUrl, ...channels)
  const caller = server.clientAs({ userId: 'anna' })
  const { id } = await caller.work.make.mutate({ note: 'rung for' })
  await expect.poll(() => listener.heard).toEqual([['tautline_job', 'work.report']])
  await caller.tasks.cancel.mutate({ id })
  await expect.poll(() => listener.heard.slice(1)).toEqual([['tautline_task', id]])
})

test('a mutation may ask for nobody, and for somebody else', async () => {
  const [own, other] = await server.client().work.makeForNobody.mutate({ owner: 'berta' })
  expect(await peek.task(own?.id ?? '')).toMatchObject({ owner: null })
  expect(await peek.task(other?.id ?? '')).toMatchObject({ owner: 'berta' })
})

test('a mutation that is rolled back leaves no task, no event and no job', async () => {
  const before = await peek.counts()
  const failing = somebody().makeAndFail.mutate({ note: 'failing' })
  await expect(failing).rejects.toMatchObject({ reason: 'FORBIDDEN' })
  expect(await peek.counts()).toEqual(before)
})

test('a handler that runs again makes one task', async () => {
  await somebody().makeTwice.mutate({ note: 'twice' })
  expect(runs.get('tried twice')).toBe(2)
  expect(await peek.noted('twice')).toBe(1)
})

test('the replay of a keyed mutation enqueues nothing again, and tells the same task', async () => {
  const caller = somebody()
  const keyed = { idempotencyKey: crypto.randomUUID() }
  const first = await caller.make.mutate({ note: 'keyed' }, keyed)
  expect(await caller.make.mutate({ note: 'keyed' }, keyed)).toEqual(first)
  expect(runs.get('made keyed')).toBe(1)
  expect(await peek.noted('keyed')).toBe(1)
})

test('without a transaction around the handler it rides on the one that is open, or takes its own', async () => {
  const caller = somebody()
  const make = (note: string, way: Parameters<typeof caller.makeWithout.mutate>[0]['way']) =>
    caller.makeWithout.mutate({ note, way })
  await make('outside', 'outside')
  await make('committed', 'committed')
  await make('rolled back inside', 'rolled back inside')
  await expect(make('rolled back', 'rolled back')).rejects.toMatchObject({ reason: 'FORBIDDEN' })
  const counts: Record<string, number> = {}
  for (const note of ['outside', 'committed', 'rolled back', 'rolled back inside']) {
    counts[note] = await peek.noted(note)
  }
  expect(counts).toEqual({
    outside: 1,
    committed: 1,
    'rolled back': 0,
    'rolled back inside': 0,
  })
})

test('a task that was accepted by itself is a change: nobody is told that nothing was changed', async () => {
  const failing = somebody().makeWithout.mutate({ note: 'changed', way: 'then fails' })
  await expect(failing).rejects.toMatchObject({ reason: 'COMMIT_UNKNOWN' })
  expect(await peek.noted('changed')).toBe(1)
})

test('statements that enqueue are on nobody’s query budget', async () => {
  expect(await somebody().makeMany.mutate({ note: 'many' })).toBe(10)
  expect(await peek.noted('many')).toBe(10)
})

test('an input that the task refuses is the caller’s bad input, and so is one task too many', async () => {
  const caller = somebody()
  await expect(caller.makeBad.mutate()).rejects.toMatchObject({
    reason: 'BAD_INPUT',
    issues: [{ path: ['pages'] }],
  })
  for (let made = 0; made < MAX_UNFINISHED; made++) await caller.make.mutate({ note: 'cap' })
  const oneMore = caller.make.mutate({ note: 'cap' })
  await expect(oneMore).rejects.toMatchObject({ reason: 'TOO_MANY_TASKS', retryable: false })
  expect(await peek.noted('cap')).toBe(MAX_UNFINISHED)
})

test('a query that gets at it all the same is refused, and the log says why', async () => {
  await expect(somebody().ask.query()).rejects.toMatchObject({ reason: 'INTERNAL' })
  expect(JSON.stringify(server.logs)).toContain('Only mutations and tasks may enqueue tasks.')
  expect(await peek.noted('asked')).toBe(0)
})
