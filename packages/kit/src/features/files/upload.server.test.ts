import { createHash } from 'node:crypto'
import type { ClientRequest, OutgoingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { httpConfig } from '../../http/http-config.fixture.ts'
import { mountSmallDisk } from '../../platform/file-storage/small-disk.fixture.ts'
import {
  beginUpload,
  createFilesApp,
  errorOf,
  fileOf,
  MAX_BYTES,
  newcomer,
  QUOTA_BYTES,
  someBytes,
  startFilesServer,
} from './files-app.fixture.ts'

let server: Awaited<ReturnType<typeof startFilesServer>>
beforeAll(async () => {
  const limit = { amount: 500, windowMs: 60_000, by: 'caller' } as const
  server = await startFilesServer({ uploads: { limit } })
})
afterAll(() => server[Symbol.asyncDispose]())

const PNG = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1')
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

/** Runs `work` and expects that it leaves no byte and no row behind. */
async function expectNothingLeft(work: () => Promise<unknown>) {
  const before = { stored: await server.stored(), rows: await server.rows() }
  await work()
  await expect
    .poll(async () => ({ stored: await server.stored(), rows: await server.rows() }))
    .toEqual(before)
}

/** Begins an upload whose body the test sends. */
const begin = (
  query: string,
  headers: OutgoingHttpHeaders = {},
  { as = newcomer(), to = server.url } = {},
) => beginUpload(`${to}/files${query}`, { as, headers })

/** Resolves when the bytes have left, and the server has begun to store them. */
async function sendPart(upload: ClientRequest, bytes: Uint8Array) {
  const before = (await server.stored()).length
  upload.write(bytes)
  await expect.poll(async () => (await server.stored()).length).toBeGreaterThan(before)
}

describe('an upload', () => {
  test('makes a file, which is what its bytes say', async () => {
    const as = newcomer()
    const answer = await server.upload('?name=cat.html', {
      as,
      body: PNG,
      headers: { 'content-type': 'text/html' },
    })
    const file = fileOf(answer)
    expect(answer.status).toBe(201)
    expect(answer.headers).toMatchObject({
      location: `/files/${file.id}`,
      'ratelimit-policy': '"files_upload";q=500;w=60',
    })
    expect(file).toMatchObject({
      name: 'cat.html',
      contentType: 'image/png',
      size: PNG.length,
      sha256: sha256(PNG),
    })
    const known = await server.clientAs(as).files.get.query({ id: file.id })
    expect(known).toEqual({ ...file, createdAt: new Date(file.createdAt) })
  })

  test('of a page is text, whatever its sender says', async () => {
    const headers = { 'content-type': 'image/png' }
    const answer = await server.upload('', { as: newcomer(), body: '<script></script>', headers })
    expect(fileOf(answer)).toMatchObject({ name: 'file', contentType: 'text/plain' })
  })

  test('of nothing is a file, and so is one of an unknown length', async () => {
    const empty = await server.upload('?name=empty', { as: newcomer() })
    expect(fileOf(empty)).toMatchObject({ size: 0, sha256: sha256('') })
    const { upload, answer } = begin('?name=chunked')
    upload.write('one, ')
    upload.end('two')
    expect(fileOf(await answer)).toMatchObject({ size: 8, sha256: sha256('one, two') })
  })

  test('may take longer than other requests, as long as something comes', async () => {
    const http = httpConfig({ headersTimeoutMs: 700, requestTimeoutMs: 700 })
    await using patient = await startFilesServer({ uploads: { stallTimeoutMs: 10_000 } }, { http })
    const { upload, answer } = begin('', { 'content-length': 10_000 }, { to: patient.url })
    for (let piece = 0; piece < 10; piece++) {
      upload.write(Buffer.alloc(1_000))
      await sleep(100)
    }
    upload.end()
    expect(fileOf(await answer).size).toBe(10_000)
  })

  test.each([
    '../../../etc/passwd',
    'a/b\\c',
    '.',
    'CON',
    'Größe 世界 🦊',
    "'; drop table file --",
  ])('may have the name %j, which is no path', async (name) => {
    const answer = await server.upload(`?name=${encodeURIComponent(name)}`, {
      as: newcomer(),
      body: 'x',
    })
    expect(fileOf(answer).name).toBe(name)
    for (const stored of await server.stored()) expect(stored).toMatch(/^[\da-f]{32}$/)
  })

  test.each([
    ['a name with a line break', '?name=a%0d%0ab', {}],
    ['a name with a NUL', '?name=a%00b', {}],
    ['an empty name', '?name=', {}],
    ['a name that is too long', `?name=${'a'.repeat(256)}`, {}],
    ['two names', '?name=a&name=b', {}],
    ['what it does not know', '?nmae=a', {}],
    ['a size that is none', '?size=-1', {}],
    ['a size that is not the length', '?size=3', {}],
    ['a form', '', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['what curl -d sends', '', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['an encoded body', '', { 'content-encoding': 'gzip' }],
    ['a key that is none', '', { 'idempotency-key': 'ä' }],
  ])('is refused with %s', async (_, query, headers) => {
    await expectNothingLeft(async () => {
      const answer = await server.upload(query, { as: newcomer(), body: 'x', headers })
      expect([answer.status, errorOf(answer).reason]).toEqual([400, 'BAD_INPUT'])
    })
  })

  test('is for callers who are somebody, and for no page of a stranger', async () => {
    await expectNothingLeft(async () => {
      const nobody = await server.upload('', { body: 'x' })
      expect([nobody.status, errorOf(nobody).reason]).toEqual([401, 'UNAUTHENTICATED'])
      const stranger = await server.upload('', {
        body: 'x',
        headers: { origin: 'https://evil.example' },
      })
      expect([stranger.status, errorOf(stranger).reason]).toEqual([403, 'ORIGIN_REFUSED'])
      const put = await server.upload('', { as: newcomer(), method: 'PUT', body: 'x' })
      expect([put.status, put.headers.allow]).toEqual([405, 'POST'])
    })
  })
})

describe('an upload that does not come to its end leaves nothing:', () => {
  test('one that is too large, announced', async () => {
    await expectNothingLeft(async () => {
      const { upload, answer } = begin('', { 'content-length': MAX_BYTES + 1 })
      upload.write('x') // no more: it is refused before its body
      const { status, text } = await answer
      expect([status, errorOf({ text })]).toMatchObject([
        413,
        { reason: 'FILE_TOO_LARGE', data: { maxBytes: MAX_BYTES } },
      ])
    })
  })

  test('one that turns out to be too large', async () => {
    await expectNothingLeft(async () => {
      const { upload, answer } = begin('')
      upload.write(Buffer.alloc(MAX_BYTES))
      upload.write('x')
      expect(errorOf(await answer).reason).toBe('FILE_TOO_LARGE')
      upload.destroy()
    })
  })

  test('one that is shorter, or longer, than it has said', async () => {
    await expectNothingLeft(async () => {
      const short = begin('?size=10')
      short.upload.write('nine ')
      short.upload.end('char')
      expect(errorOf(await short.answer).reason).toBe('UPLOAD_INCOMPLETE')
      const long = begin('?size=10')
      long.upload.write('eleven ')
      long.upload.end('char')
      expect(errorOf(await long.answer).reason).toBe('BAD_INPUT')
    })
  })

  test('one that goes on with what is no HTTP', async () => {
    await expectNothingLeft(async () => {
      const { upload, answer } = begin('')
      await sendPart(upload, Buffer.alloc(100_000))
      upload.socket?.write('no length of a chunk\r\n')
      expect((await answer).status).toBe(400)
    })
  })

  test('one whose sender leaves', async () => {
    await expectNothingLeft(async () => {
      const { upload } = begin('', { 'content-length': 500_000 })
      await sendPart(upload, Buffer.alloc(100_000))
      upload.destroy()
    })
    await expect
      .poll(() => server.logs.findLast(({ kind }) => kind === 'upload'))
      .toMatchObject({ outcome: 'CLIENT_CLOSED_REQUEST', procedure: '/files' })
  })

  test('one whose sender falls silent, or all but', async () => {
    await expectNothingLeft(async () => {
      const silent = begin('', { 'content-length': 500_000 })
      const trickling = begin('', { 'content-length': 500_000 })
      silent.upload.write(Buffer.alloc(10_000))
      const drops = setInterval(() => trickling.upload.write(Buffer.alloc(1_000)), 50)
      for (const { answer } of [silent, trickling]) {
        const { status, text } = await answer
        expect([status, errorOf({ text }).reason]).toEqual([400, 'UPLOAD_INCOMPLETE'])
      }
      clearInterval(drops)
      for (const { upload } of [silent, trickling]) upload.destroy()
    })
  })
})

test('nothing becomes of an upload whose sender is nobody any more', async () => {
  let known = true
  const identity = () => (known ? { userId: 'anna', roles: [], scopes: [] } : null)
  await using own = await startFilesServer({ uploads: { stallTimeoutMs: 10_000 } }, {}, identity)
  const { upload, answer } = begin('', { authorization: 'Own' }, { to: own.url })
  upload.write('begun')
  await expect.poll(() => own.stored()).toHaveLength(1)
  known = false
  upload.end(', and ended')
  const { status, text } = await answer
  expect([status, errorOf({ text }).reason]).toEqual([401, 'UNAUTHENTICATED'])
  expect([await own.rows(), await own.stored()]).toEqual([{ files: 0, unclaimed: 0 }, []])
})

test('a refusal reaches a sender who is in the middle of a body', async () => {
  const body = Buffer.alloc(20_000_000)
  for (let round = 0; round < 5; round++) {
    const response = await fetch(`${server.url}/files`, { method: 'POST', body })
    expect(response.status).toBe(401)
  }
})

describe('a quota', () => {
  test('is filled exactly by those who send at the same time', async () => {
    const as = newcomer()
    const body = someBytes(QUOTA_BYTES / 10)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => server.upload('', { as, body })),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
    const refused = answers.filter(({ status }) => status === 413).map(errorOf)
    expect(refused).toHaveLength(10)
    expect(refused.every(({ reason }) => reason === 'QUOTA_EXCEEDED')).toBe(true)

    const last = errorOf(await server.upload('', { as, body: 'x' }))
    expect(last).toMatchObject({
      reason: 'QUOTA_EXCEEDED',
      data: { usedBytes: QUOTA_BYTES, quotaBytes: QUOTA_BYTES, files: 10, maxFiles: 20 },
    })
    const { files } = server.clientAs(as)
    const { items } = await files.list.query()
    await files.delete.mutate({ id: items[0]?.id ?? '' })
    expect((await server.upload('', { as, body })).status).toBe(201)
  })

  test('counts files, however small', async () => {
    const as = newcomer()
    const answers = await Promise.all(Array.from({ length: 22 }, () => server.upload('', { as })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(20)
  })

  test('ends an upload that outgrows it as it comes', async () => {
    const as = newcomer()
    for (let n = 0; n < 3; n++) await server.store(as, someBytes(900_000))
    await expectNothingLeft(async () => {
      const { upload, answer } = begin('', {}, { as })
      upload.write(Buffer.alloc(300_001))
      expect(errorOf(await answer).reason).toBe('QUOTA_EXCEEDED')
      upload.destroy()
    })
  })
})

describe('uploads with one key', () => {
  const keyed = (as: ReturnType<typeof newcomer>, body: Uint8Array | string, name = 'a') =>
    server.upload(`?name=${name}`, { as, body, headers: { 'idempotency-key': 'one' } })

  test('are one file, one after the other or at the same time', async () => {
    const as = newcomer()
    const before = (await server.stored()).length
    const answers = await Promise.all(Array.from({ length: 5 }, () => keyed(as, 'same')))
    answers.push(await keyed(as, 'same'))
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(201))
    expect(new Set(answers.map((answer) => fileOf(answer).id)).size).toBe(1)
    expect((await server.stored()).length).toBe(before + 1)
    const others = fileOf(await keyed(newcomer(), 'same'))
    expect(answers.map((answer) => fileOf(answer).id)).not.toContain(others.id)
  })

  test('are refused when they are not the same file', async () => {
    const as = newcomer()
    await keyed(as, 'same')
    for (const other of [keyed(as, 'else'), keyed(as, 'same', 'b')]) {
      const answer = await other
      expect([answer.status, errorOf(answer).reason]).toEqual([422, 'KEY_REUSED'])
    }
  })

  test('are one file also where it has filled the quota', async () => {
    const as = newcomer()
    for (let n = 0; n < 2; n++) await server.store(as, someBytes(MAX_BYTES))
    const body = someBytes(MAX_BYTES)
    const first = fileOf(await keyed(as, body))
    expect(fileOf(await keyed(as, body)).id).toBe(first.id)
  })
})

test('a disk that is full is the server’s affair, and is told as that', async ({ skip }) => {
  await using disk = await mountSmallDisk()
  if (!disk) return skip('only root may mount a small disk')
  await using small = await startFilesServer({}, { files: { folder: disk.path } })
  const as = newcomer()
  const answer = await small.upload('', { as, body: someBytes(300_000) })
  expect([answer.status, errorOf(answer).reason]).toEqual([503, 'STORAGE_FULL'])
  expect(await small.rows()).toEqual({ files: 0, unclaimed: 0 })
  expect((await small.upload('', { as, body: someBytes(200_000) })).status).toBe(201)
})

test.each([
  ['a limit that nobody has defined', { uploads: { limit: 'many' } }],
  ['a file larger than all of the quota', { maxBytes: 2, quotaBytes: 1 }],
  ['no time to send anything', { uploads: { stallTimeoutMs: 0 } }],
])('a backend with %s is not put together', (_, options) => {
  expect(() => createFilesApp(options)).toThrow('files')
})
