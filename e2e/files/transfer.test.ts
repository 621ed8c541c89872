import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import {
  CallError,
  createClient,
  downloadFile,
  uploadFile,
  type TransferProgress,
  type UploadData,
} from '@tautline/client'

import { MAX_BYTES } from './files-app.ts'
import { startFilesWorld } from './world.ts'

let world: Awaited<ReturnType<typeof startFilesWorld>>
beforeAll(async () => {
  world = await startFilesWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const content = randomBytes(3_000_000)
const sha256 = createHash('sha256').update(content).digest('hex')

/** The same bytes, in pieces. */
const inPieces = (length = 100_000) =>
  Readable.from(
    Array.from({ length: Math.ceil(content.length / length) }, (_, n) =>
      content.subarray(n * length, (n + 1) * length),
    ),
    { objectMode: true },
  )

describe('uploadFile', () => {
  const kinds: [string, () => UploadData][] = [
    ['a blob', () => new Blob([content])],
    ['bytes', () => content],
    ['a part of other bytes', () => Buffer.concat([Buffer.alloc(7), content]).subarray(7)],
    [
      'bytes that threads share',
      () => {
        const shared = new Uint8Array(new SharedArrayBuffer(content.length))
        shared.set(content)
        return shared
      },
    ],
    ['a stream', () => new Blob([content]).stream()],
    ['an iterable', () => inPieces()],
  ]

  test.each(kinds)('sends %s, and says how far it is', async (what, data) => {
    const client = world.signIn()
    const told: TransferProgress[] = []
    const file = await uploadFile(client, data(), {
      name: `${what}.bin`,
      onProgress: (progress) => told.push(progress),
    })
    expect(file).toMatchObject({ name: `${what}.bin`, size: content.length, sha256 })
    expect(await client.files.get.query({ id: file.id })).toEqual(file)
    const bytes = told.map((progress) => progress.bytes)
    expect(bytes.length).toBeGreaterThan(10)
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b))
    expect(bytes.at(-1)).toBe(content.length)
  })

  test('names a file as it is called, or as it is told', async () => {
    const client = world.signIn()
    const data = new File(['x'], 'Größe.txt')
    expect((await uploadFile(client, data)).name).toBe('Größe.txt')
    expect((await uploadFile(client, data, { name: 'b.txt' })).name).toBe('b.txt')
    expect((await uploadFile(client, new Blob([]))).name).toBe('file')
  })

  test('takes no more of a stream than the network does', async () => {
    let taken = 0
    async function* endless() {
      for (;;) {
        taken += 65_536
        yield new Uint8Array(65_536)
      }
    }
    await world.breakWith('hold')
    const leaving = new AbortController()
    const { signal } = leaving
    const sending = uploadFile(world.signIn(), endless(), { signal })
    await expect.poll(() => world.relay.held).toBe(1)
    await sleep(100)
    leaving.abort()
    await expect(sending).rejects.toMatchObject({ reason: 'ABORTED' })
    await world.breakWith('pass')
    expect(taken).toBeLessThan(10_000_000)
  })

  test('that is aborted leaves nothing', async () => {
    const client = world.signIn()
    const leaving = new AbortController()
    const sending = uploadFile(client, inPieces(), {
      signal: leaving.signal,
      onProgress: ({ bytes }) => bytes > 1_000_000 && leaving.abort(),
    })
    await expect(sending).rejects.toMatchObject({ reason: 'ABORTED' })
    await expect.poll(() => world.outcomes('upload').at(-1)).toBe('CLIENT_CLOSED_REQUEST')
    expect((await client.files.list.query()).items).toEqual([])
    const late = uploadFile(client, content, { signal: leaving.signal })
    await expect(late).rejects.toMatchObject({ reason: 'ABORTED' })
  })

  test('tells at once what the server has against a body that is on its way', async () => {
    const client = world.signIn(false)
    async function* endless() {
      for (;;) yield new Uint8Array(65_536)
    }
    const unknown = uploadFile(client, endless())
    await expect(unknown).rejects.toMatchObject({
      reason: 'FILE_TOO_LARGE',
      data: { maxBytes: MAX_BYTES },
    })
    const told = uploadFile(client, endless(), { size: 200_000_000 })
    await expect(told).rejects.toMatchObject({ reason: 'FILE_TOO_LARGE' })
    await expect(uploadFile(client, inPieces(), { size: 4_000_000 })).rejects.toMatchObject({
      reason: 'UPLOAD_INCOMPLETE',
    })
  })

  test('says when the data itself fails, and nothing is made of it', async () => {
    const client = world.signIn()
    const cause = new Error('the disk is gone')
    async function* failing() {
      yield new Uint8Array(100_000)
      throw cause
    }
    await expect(uploadFile(client, failing())).rejects.toMatchObject({ reason: 'NOT_SENT', cause })
    const text = Readable.from(['text'])
    await expect(uploadFile(client, text)).rejects.toMatchObject({ reason: 'NOT_SENT' })
    expect((await client.files.list.query()).items).toEqual([])
  })

  test('goes with the next token when the server forgets the one it has', async () => {
    const client = world.signIn()
    world.book.forgetAccess()
    expect(await uploadFile(client, content)).toMatchObject({ sha256 })
    world.book.forgetAccess()
    await expect(uploadFile(client, inPieces())).rejects.toMatchObject({
      reason: 'UNAUTHENTICATED',
    })
  })

  test('whose answer is lost is sent again, and is one file all the same', async () => {
    const client = world.signIn()
    await world.breakWith('pass', 'lose-answer')
    const file = await uploadFile(client, content)
    expect((await client.files.list.query()).items).toEqual([file])
    expect(world.outcomes('upload').slice(-2)).toEqual(['OK', 'OK'])
  })

  test('whose answer is lost says so where it cannot be sent again', async () => {
    for (const [client, data] of [
      [world.signIn(), inPieces()],
      [world.signIn(false), content],
    ] as const) {
      await world.breakWith('pass', 'lose-answer')
      await expect(uploadFile(client, data)).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' })
      expect((await client.files.list.query()).items).toHaveLength(1)
    }
  })

  test('is for clients of createClient', async () => {
    // @ts-expect-error TS2345 -- types refuse it too
    await expect(uploadFile({}, content)).rejects.toThrow('no client')
  })

  test('knows that nothing was sent where no server is', async () => {
    const client = world.signIn(false)
    await world.relay.close()
    await expect(uploadFile(client, content)).rejects.toMatchObject({ reason: 'UNREACHABLE' })
    await world.relay.listen()
  })
})

describe('downloadFile', () => {
  const client = () => world.signIn()
  let owner: ReturnType<typeof client>
  let id: string
  beforeAll(async () => {
    owner = client()
    ;({ id } = await uploadFile(owner, content, { name: 'a/ö.bin' }))
  })

  test('gives what a file is, and its bytes, whole or in part', async () => {
    const told: TransferProgress[] = []
    const file = await downloadFile(owner, id, {
      verify: true,
      onProgress: (progress) => told.push(progress),
    })
    const size = content.length
    expect(file).toMatchObject({
      name: 'a_ö.bin',
      contentType: 'application/octet-stream',
      size,
      sha256,
    })
    expect(content.equals(await file.bytes())).toBe(true)
    expect(told.at(-1)).toEqual({ bytes: size, totalBytes: size })
    expect(() => file.stream()).toThrow('read before')
    const part = await downloadFile(owner, id, { range: { start: 10, end: 19 } })
    expect(part.size).toBe(size)
    expect(content.subarray(10, 20).equals(await part.bytes())).toBe(true)
    const tail = await downloadFile(owner, id, { range: { start: size - 5 } })
    expect((await tail.blob()).size).toBe(5)
  })

  test('gives text as text, and nothing as nothing', async () => {
    const text = await uploadFile(owner, new Blob(['Grüße\n']))
    const file = await downloadFile(owner, text.id)
    expect([file.contentType, await file.text()]).toEqual(['text/plain; charset=utf-8', 'Grüße\n'])
    const empty = await uploadFile(owner, new Blob([]))
    expect((await (await downloadFile(owner, empty.id, { verify: true })).bytes()).length).toBe(0)
  })

  test('refuses what is not there as a call does', async () => {
    const missing = downloadFile(owner, crypto.randomUUID())
    await expect(missing).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
    await expect(downloadFile(client(), id)).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
    const beyond = downloadFile(owner, id, { range: { start: content.length } })
    await expect(beyond).rejects.toMatchObject({ reason: 'BAD_INPUT' })
  })

  test('goes on where it was when the connection breaks', async () => {
    const file = await downloadFile(owner, id, { verify: true })
    const reader = file.stream().getReader()
    const pieces = [(await reader.read()).value ?? Buffer.alloc(0)]
    world.relay.become('pass') // cuts what is open
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      pieces.push(step.value)
    }
    expect(content.equals(Buffer.concat(pieces))).toBe(true)
  })

  test('breaks off when it cannot go on, and when its caller leaves', async () => {
    const once = createClient({
      url: `${world.server.url}/rpc`,
      retry: false,
      headers: () => world.server.headersAs({ userId: 'once' }),
    })
    const own = await uploadFile(once, content)
    const leaving = new AbortController()
    const left = await downloadFile(once, own.id, { signal: leaving.signal })
    leaving.abort()
    await expect(left.bytes()).rejects.toMatchObject({ reason: 'ABORTED' })

    const lost = await downloadFile(owner, id)
    const stream = lost.stream().getReader()
    await stream.read()
    await world.relay.close()
    const reading = async () => {
      while (!(await stream.read()).done);
    }
    await expect(reading()).rejects.toMatchObject({ reason: 'UNREACHABLE' })
    await world.relay.listen()
  })

  test('finds bytes that are not those of the file', async () => {
    const spoiling: typeof fetch = async (url, init) => {
      const response = await fetch(url, init)
      if (response.status !== 206) return response
      const bytes = new Uint8Array(await response.arrayBuffer())
      bytes[1_000] = (bytes[1_000] ?? 0) ^ 1
      return new Response(bytes, response)
    }
    const spoilt = createClient({
      url: `${world.server.url}/rpc`,
      fetch: spoiling,
      headers: () => world.server.headersAs({ userId: 'spoilt' }),
    })
    const { id: own } = await uploadFile(spoilt, content)
    const file = await downloadFile(spoilt, own, { verify: true })
    await expect(file.bytes()).rejects.toMatchObject({ reason: 'BAD_RESPONSE' })
  })

  test.each([
    [-1, 3],
    [0.5, 3],
    [5, 3],
    [0, Number.NaN],
  ])('has no part from %d to %d', async (start, end) => {
    const none = downloadFile(owner, id, { range: { start, end } })
    await expect(none).rejects.toMatchObject({ reason: 'BAD_INPUT' })
  })

  test('takes no other part for the one that it wants, from a proxy that knows none', async () => {
    let downloads = 0
    const stripping: typeof fetch = async (url, init) => {
      const headers = new Headers(init?.headers)
      if (!headers.has('range')) return fetch(url, init)
      if (++downloads > 1) headers.delete('range')
      const response = await fetch(url, { ...init, headers })
      return downloads > 1 ? response : new Response(brokenAfter(400_000), response)
    }
    const stripped = createClient({
      url: `${world.server.url}/rpc`,
      fetch: stripping,
      headers: () => world.server.headersAs({ userId: 'stripped' }),
    })
    const { id: own } = await uploadFile(stripped, content)
    const resumed = await downloadFile(stripped, own)
    await expect(resumed.bytes()).rejects.toMatchObject({ reason: 'BAD_RESPONSE' })
    const part = downloadFile(stripped, own, { range: { start: 10, end: 19 } })
    await expect(part).rejects.toMatchObject({ reason: 'BAD_RESPONSE' })
    expect((await (await downloadFile(stripped, own)).bytes()).length).toBe(content.length)
  })

  test.each([
    ['..%2F%E2%80%AEa', '..__a'],
    ['%2E%2e', 'file'],
    ['%', 'BAD_RESPONSE'],
  ])('makes of the name %s what is harmless, or nothing', async (named, name) => {
    const renaming: typeof fetch = async (url, init) => {
      const response = await fetch(url, init)
      const headers = new Headers(response.headers)
      headers.set('content-disposition', `attachment; filename*=UTF-8''${named}`)
      return new Response(response.body, { status: response.status, headers })
    }
    const renamed = createClient({
      url: `${world.server.url}/rpc`,
      fetch: renaming,
      headers: () => world.server.headersAs({ userId: 'renamed' }),
    })
    const { id: own } = await uploadFile(renamed, content.subarray(0, 10))
    const downloading = downloadFile(renamed, own)
    const told = downloading.then((file) => file.name).catch((error: unknown) => reasonOf(error))
    expect(await told).toBe(name)
  })
})

const reasonOf = (error: unknown) => (error instanceof CallError ? error.reason : error)

/** The first bytes, and then an end that is none. */
function brokenAfter(bytes: number) {
  let sent = false
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent) return controller.error(new Error('broken'))
      sent = true
      controller.enqueue(content.subarray(0, bytes))
    },
  })
}
