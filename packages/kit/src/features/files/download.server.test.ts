import { createHash } from 'node:crypto'
import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import {
  ask,
  errorOf,
  newcomer,
  openRequest,
  someBytes,
  startFilesServer,
  type RawFileRequest,
} from './files-app.fixture.ts'

let server: Awaited<ReturnType<typeof startFilesServer>>
/** More than the sockets between them hold. */
const LARGE_BYTES = 16_000_000

const anna = newcomer()
const content = someBytes(300_000)
const etag = `"${createHash('sha256').update(content).digest('hex')}"`
let url: string
beforeAll(async () => {
  server = await startFilesServer({ maxBytes: LARGE_BYTES, quotaBytes: 10 * LARGE_BYTES })
  url = `${server.url}/files/${await server.store(anna, content, 'Größe "1".bin')}`
})
afterAll(() => server[Symbol.asyncDispose]())

const read = (headers: Record<string, string> = {}, options: RawFileRequest = {}) =>
  ask(url, { as: anna, headers, ...options })

/** What is the same in every answer about the file. */
const ALWAYS = {
  etag,
  'accept-ranges': 'bytes',
  'cache-control': 'private, no-cache, no-transform',
  'x-content-type-options': 'nosniff',
  'last-modified': expect.stringMatching(/ GMT$/),
}

describe('a file', () => {
  test('is sent whole, to be kept and not shown', async () => {
    const answer = await read()
    expect(answer.status).toBe(200)
    expect(answer.bytes.equals(content)).toBe(true)
    expect(answer.headers).toMatchObject({
      ...ALWAYS,
      'content-length': '300000',
      'content-type': 'application/octet-stream',
      'content-disposition':
        'attachment; filename="Gr__e _1_.bin"; filename*=UTF-8\'\'Gr%C3%B6%C3%9Fe%20_1_.bin',
      'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'x-frame-options': 'DENY',
    })
    await expect
      .poll(() => server.logs.findLast(({ kind }) => kind === 'download'))
      .toMatchObject({ outcome: 'OK', procedure: '/files/:id', sent: { bytes: 300_000 } })
  })

  test.each([
    ['bytes=0-9', 0, 10],
    ['bytes=299990-', 299_990, 300_000],
    ['bytes=-7', 299_993, 300_000],
    ['bytes=100000-250000', 100_000, 250_001],
    ['bytes=1-999999999', 1, 300_000],
  ])('is sent in part for %s', async (range, from, to) => {
    const answer = await read({ range })
    expect(answer.status).toBe(206)
    expect(answer.bytes.equals(content.subarray(from, to))).toBe(true)
    expect(answer.headers).toMatchObject({
      ...ALWAYS,
      'content-length': String(to - from),
      'content-range': `bytes ${from}-${to - 1}/300000`,
    })
  })

  test('has no part behind its end', async () => {
    const answer = await read({ range: 'bytes=300000-' })
    expect([answer.status, answer.text]).toEqual([416, ''])
    expect(answer.headers).toMatchObject({ ...ALWAYS, 'content-range': 'bytes */300000' })
  })

  test('is not sent to a reader who has it, nor in the place of another', async () => {
    const known = await read({ 'if-none-match': etag })
    expect([known.status, known.text]).toEqual([304, ''])
    expect(known.headers).toMatchObject(ALWAYS)
    expect((await read({ 'if-match': '"other"' })).status).toBe(412)
    const whole = await read({ range: 'bytes=0-9', 'if-range': '"other"' })
    expect([whole.status, whole.bytes.length]).toEqual([200, 300_000])
  })

  test('is described without being sent', async () => {
    for (const headers of [{}, { range: 'bytes=0-9' }]) {
      const answer = await read(headers, { method: 'HEAD' })
      expect([answer.status, answer.text]).toEqual([200, ''])
      expect(answer.headers['content-length']).toBe('300000')
    }
  })

  test('of nothing, and of text, is sent as what it is', async () => {
    const id = await server.store(anna, '', 'empty')
    const empty = await ask(`${server.url}/files/${id}`, {
      as: anna,
      headers: { range: 'bytes=0-' },
    })
    expect([empty.status, empty.headers['content-length']]).toEqual([200, '0'])
    const text = await server.store(anna, '<script>ä</script>')
    const page = await ask(`${server.url}/files/${text}`, { as: anna })
    expect(page.headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  test('is only read', async () => {
    const answer = await read({}, { method: 'DELETE' })
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD'])
  })
})

describe('a file of somebody else', () => {
  const id = () => url.split('/').at(-1) ?? ''

  test.each([
    ['another user', newcomer()],
    ['the same user of a tenant', { ...anna, tenantId: 'press' }],
    ['the same user of another issuer', { ...anna, issuer: 'https://other.example' }],
    ['an admin', { ...newcomer(), roles: ['admin'] }],
  ])('is no file to %s', async (_, as) => {
    for (const method of ['GET', 'HEAD']) expect((await ask(url, { as, method })).status).toBe(404)
    expect(errorOf(await ask(url, { as, headers: { 'if-none-match': etag } }))).toMatchObject({
      reason: 'FILE_NOT_FOUND',
    })
    const { files } = server.clientAs(as)
    await expect(files.get.query({ id: id() })).rejects.toMatchObject({ reason: 'FILE_NOT_FOUND' })
    await expect(files.delete.mutate({ id: id() })).rejects.toMatchObject({
      reason: 'FILE_NOT_FOUND',
    })
    expect(await files.list.query()).toEqual({ items: [], nextCursor: null })
    expect((await read({}, { method: 'HEAD' })).status).toBe(200)
  })

  test('is not told to nobody', async () => {
    const answer = await ask(url)
    expect([answer.status, errorOf(answer).reason]).toEqual([401, 'UNAUTHENTICATED'])
  })
})

test.each(['', 'x', '../../etc/passwd', '%2e%2e%2fetc', '00000000-0000-0000-0000-000000000000'])(
  'there is no file /files/%s',
  async (id) => {
    const answer = await ask(`${server.url}/files/${id}`, { as: anna })
    expect(answer.status).toBe(404)
  },
)

describe('a reader', () => {
  const reader = newcomer()
  let large: string
  beforeAll(async () => {
    large = `${server.url}/files/${await server.store(reader, Buffer.alloc(LARGE_BYTES))}`
  })

  test('who stops reading is given up, and holds nothing', async () => {
    const paused = await openRequest(large, { as: reader })
    paused.on('error', () => {})
    expect(server.gauge('file_downloads_open')).toBe(1)
    await expect.poll(() => server.gauge('file_downloads_open'), { timeout: 10_000 }).toBe(0)
    expect(server.logs.findLast(({ kind }) => kind === 'download')).toMatchObject({
      outcome: 'DEADLINE_EXCEEDED',
    })
    paused.destroy()
  })

  test('who leaves ends the reading', async () => {
    const response = await openRequest(large, { as: reader })
    response.on('error', () => {}).destroy()
    await expect.poll(() => server.gauge('file_downloads_open')).toBe(0)
    expect(server.logs.findLast(({ kind }) => kind === 'download')).toMatchObject({
      outcome: 'CLIENT_CLOSED_REQUEST',
    })
  })

  test('has all of a file that is deleted meanwhile', async () => {
    const as = newcomer()
    const bytes = someBytes(LARGE_BYTES)
    const id = await server.store(as, bytes)
    const response = await openRequest(`${server.url}/files/${id}`, { as })
    await server.clientAs(as).files.delete.mutate({ id })
    await server.app.resources.files.sweep(AbortSignal.timeout(5_000))
    expect((await buffer(response)).equals(bytes)).toBe(true)
    expect((await ask(`${server.url}/files/${id}`, { as })).status).toBe(404)
  })

  test('of a file that has lost bytes on the disk is told nothing of it', async () => {
    const as = newcomer()
    const before = await server.stored()
    const id = await server.store(as, 'all of it')
    const [key = ''] = (await server.stored()).filter((name) => !before.includes(name))
    await truncate(join(server.folder, key.slice(0, 2), key), 3)
    const answer = await ask(`${server.url}/files/${id}`, { as })
    expect([answer.status, errorOf(answer).reason]).toEqual([500, 'INTERNAL'])
    expect(answer.headers['content-disposition']).toBeUndefined()
  })
})
