import { randomUUID } from 'node:crypto'
import { getPriority } from 'node:os'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'

import { safe } from '@tautline/client'
import { identityOf } from '@tautline/kit'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'
import { heavyWork, WORK_CORES } from '../../heavy-work.ts'
import { hostile, noise } from './corpus.fixture.ts'
import { processesOf } from './processes.fixture.ts'
import { runImage } from './run-image.ts'
import { ProcessedImage, type ImageOperation } from './schema.ts'
import { processTask } from './tasks.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

let people = 0

/** Somebody with files. */
function newPerson() {
  const caller = { userId: `user${++people}` }
  const client = server.clientAs(caller)
  const { files } = server.app.resources

  async function keep(bytes: Buffer, name = 'picture.png'): Promise<string> {
    const source = Readable.from([bytes])
    return (await files.create(identityOf(caller), { name, source })).id
  }

  async function ended(id: string) {
    const task = () => client.tasks.get.query({ id })
    const isOver = async () => (await task()).finishedAt
    await vi.waitUntil(isOver, { timeout: 30_000, interval: 25 })
    return task()
  }

  return { client, owner: identityOf(caller), headers: server.headersAs(caller), keep, ended }
}

test('an image is a file of its own, after all operations in their order', async () => {
  const { client, headers, keep, ended } = newPerson()
  const fileId = await keep(await noise(90, 60).jpeg().toBuffer(), 'my.picture.png')
  const operations: ImageOperation[] = [
    { rotate: 90 },
    { resize: { width: 20, height: 20, fit: 'inside' } },
    { convert: 'webp' },
  ]
  const { taskId } = await client.images.process.mutate({ fileId, operations })
  const task = await ended(taskId)
  expect([task.state, task.error]).toEqual(['succeeded', null])
  const told = ProcessedImage.parse(task.output)
  // Turned first: 60 × 90 fits into the square as 13 × 20.
  expect(told).toMatchObject({ width: 13, height: 20, contentType: 'image/webp' })
  const answer = await fetch(`${server.url}/files/${told.fileId}`, { headers })
  expect(answer.headers.get('content-type')).toBe('image/webp')
  const image = Buffer.from(await answer.arrayBuffer())
  expect(image).toHaveLength(told.size)
  expect(await sharp(image).metadata()).toMatchObject({ format: 'webp', width: 13, height: 20 })
  const { items } = await client.files.list.query()
  expect(items.map(({ name }) => name)).toEqual(['my.picture.webp', 'my.picture.png'])
})

test('what is no image is refused at once, and what only looks like one fails its task', async () => {
  const { client, keep, ended } = newPerson()
  const outcomes = await Promise.all(
    hostile.slice(0, 6).map(async ({ what, bytes }) => {
      const fileId = await keep(bytes)
      const asked = client.images.process.mutate({ fileId, operations: [{ rotate: 90 }] })
      const [accepted, refusal] = await safe(asked)
      return [what, refusal ? refusal.reason : (await ended(accepted.taskId)).error]
    }),
  )
  const TOO_LARGE = 'The image has more bytes or pixels than are processed.'
  const BROKEN = 'The image cannot be read to its end.'
  expect(Object.fromEntries(outcomes)).toEqual({
    'a bomb of pixels': TOO_LARGE,
    'one pixel too many': TOO_LARGE,
    'a JPEG cut off': BROKEN,
    'a PNG cut off': BROKEN,
    'an SVG': 'IMAGE_NOT_SUPPORTED',
    nothing: 'IMAGE_NOT_SUPPORTED',
  })
})

test('an attempt that comes after the file was made has that file', async () => {
  const { client, owner, keep } = newPerson()
  const fileId = await keep(await noise(9, 9).png().toBuffer())
  const { files, db } = server.app.resources
  const ctx = {
    task: { id: randomUUID(), owner },
    files,
    signal: AbortSignal.timeout(20_000),
    transaction: (run: (on: typeof db) => unknown) =>
      db.transaction().execute(async (on) => run(on)),
  }
  const attempt = () =>
    // oxlint-disable-next-line typescript/consistent-type-assertions -- the task uses no more of it
    processTask.run({ ctx: ctx as never, input: { fileId, operations: [{ rotate: 90 }] } as never })
  expect(await attempt()).toEqual(await attempt())
  expect((await client.files.list.query()).items).toHaveLength(2)
})

test('a long name is cut between its characters', async () => {
  const { client, keep, ended } = newPerson()
  const fileId = await keep(await noise(9, 9).png().toBuffer(), `${'n'.repeat(239)}\u{1F4F7}.png`)
  const { taskId } = await client.images.process.mutate({ fileId, operations: [{ rotate: 90 }] })
  expect(await ended(taskId)).toMatchObject({ state: 'succeeded', error: null })
  const [made] = (await client.files.list.query()).items
  expect(made?.name).toBe(`${'n'.repeat(239)}.png`)
})

test('an image waits while all cores but one have work', async () => {
  const { client, keep, ended } = newPerson()
  const bytes = await noise(9, 9).png().toBuffer()
  const operations: ImageOperation[] = [{ rotate: 90 }]
  const signal = AbortSignal.timeout(20_000)
  const others = Promise.withResolvers<void>()
  onTestFinished(() => others.resolve())
  const working = Array.from({ length: WORK_CORES }, () =>
    heavyWork.take(signal, () => others.promise),
  )
  const { taskId } = await client.images.process.mutate({ fileId: await keep(bytes), operations })
  const state = async () => (await client.tasks.get.query({ id: taskId })).state
  await expect.poll(state).toBe('running')
  // Meanwhile the same is made twice by who does not wait.
  for (let times = 0; times < 2; times++) {
    const job = { source: Readable.from([bytes]), bytes: bytes.length, operations, signal }
    await runImage({ ...job, maxMemoryBytes: 1_000_000_000 }, ({ bytes: made }) => buffer(made))
  }
  expect(await state()).toBe('running')
  others.resolve()
  await Promise.all(working)
  expect((await ended(taskId)).state).toBe('succeeded')
})

test('an image of somebody else is none', async () => {
  const fileId = await newPerson().keep(await noise(9, 9).png().toBuffer())
  const asked = newPerson().client.images.process.mutate({ fileId, operations: [{ rotate: 90 }] })
  expect((await safe(asked))[1]?.reason).toBe('FILE_NOT_FOUND')
})

describe.runIf(process.platform === 'linux')('the process of an image', () => {
  /** Those that are there, once there are some. */
  const started = () =>
    vi.waitUntil(
      async () => {
        const pids = await processesOf('image-worker')
        return pids.length > 0 && pids
      },
      { timeout: 9_000, interval: 5 },
    )
  /** Takes a second or more. */
  const operations: ImageOperation[] = [{ convert: 'avif' }]

  test('that is killed is a failed attempt; the next one makes the one file', async () => {
    const { client, keep, ended } = newPerson()
    const fileId = await keep(await noise(1_200, 1_200).jpeg().toBuffer())
    const { taskId } = await client.images.process.mutate({ fileId, operations })
    for (const pid of await started()) process.kill(pid, 'SIGKILL')
    expect(await ended(taskId)).toMatchObject({ state: 'succeeded', attempt: 2 })
    expect((await client.files.list.query()).items).toHaveLength(2)
  })

  test('gives way to the server, and ends with the task that is cancelled', async () => {
    const { client, keep, ended } = newPerson()
    const fileId = await keep(await noise(2_500, 2_500).jpeg().toBuffer())
    const { taskId } = await client.images.process.mutate({ fileId, operations })
    const [pid = NaN] = await started()
    await expect.poll(() => getPriority(pid)).toBe(Math.min(getPriority() + 10, 19))
    await client.tasks.cancel.mutate({ id: taskId })
    expect(await ended(taskId)).toMatchObject({ state: 'cancelled', attempt: 1 })
    expect(await processesOf('image-worker')).toEqual([])
    expect((await client.files.list.query()).items).toHaveLength(1)
  })
})
