import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { brotliDecompress, constants, gunzip, zstdDecompress } from 'node:zlib'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { BEFORE_GATE } from './parts-app.fixture.ts'
import { openExport, startPartsServer, type ReadOptions } from './parts-server.fixture.ts'

let server: Awaited<ReturnType<typeof startPartsServer>>
beforeAll(async () => {
  server = await startPartsServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const anna = { userId: 'anna' }
const admin = { userId: 'root', roles: ['admin'] }

async function read(path: string, options?: ReadOptions) {
  const response = await openExport(`${server.url}/exports/${path}`, options)
  const { statusCode: status, headers } = response
  return { status, headers, text: await text(response) }
}

const Envelope = z.object({
  error: z.object({
    json: z.object({ data: z.object({ reason: z.string(), requestId: z.string() }) }),
  }),
})

const today = () => new Date().toISOString().slice(0, 10)

const ids = (count: number) =>
  Array.from({ length: count }, (_, n) => String(n + 1).padStart(6, '0'))

/** Decodes what has come so far of a body. */
const partly =
  (
    decode: (body: Buffer, options: { finishFlush: number }) => Promise<Buffer>,
    finishFlush: number,
  ) =>
  (body: Buffer) =>
    decode(body, { finishFlush })

describe('an export', () => {
  test('is a file that no cache keeps and no browser guesses at', async () => {
    const answer = await read('few?format=csv', { as: admin })
    expect(answer).toMatchObject({
      status: 200,
      text: 'id\r\n000001\r\n000002\r\n',
      headers: {
        'content-type': 'text/csv; charset=utf-8; header=present',
        'content-disposition': `attachment; filename="few-${today()}.csv"`,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        vary: 'accept-encoding',
        'ratelimit-policy': '"exports_few";q=3;w=60',
      },
    })
    const lines = await read('few?format=ndjson', { as: { ...admin, userId: 'other' } })
    expect(lines).toMatchObject({
      status: 200,
      text: '{"id":"000001"}\n{"id":"000002"}\n',
      headers: {
        'content-type': 'application/x-ndjson; charset=utf-8',
        'content-disposition': `attachment; filename="few-${today()}.ndjson"`,
      },
    })
  })

  test('of nothing is a header, or nothing', async () => {
    expect(await read('none')).toMatchObject({ status: 200, text: 'id,note\r\n' })
    expect(await read('none?format=ndjson')).toMatchObject({ status: 200, text: '' })
    expect(await read('none?after=000001')).toMatchObject({ status: 200, text: '' })
  })

  test('goes on after a row that the reader has, without a header', async () => {
    const lines = (await read(`gated?after=${ids(1_098).at(-1)}`, { as: anna })).text.split('\r\n')
    expect(lines).toEqual(['001099,', '001100,', ''])
  })

  test('writes one line about itself in the log, and counts', async () => {
    const counted = (name: string) => server.app.metrics.snapshot().counters[name] ?? 0
    const names = [
      'exports_total{path="/exports/gated",outcome="OK"}',
      'export_rows_total{path="/exports/gated"}',
    ]
    const before = names.map(counted)
    const { headers } = await read('gated?format=ndjson', {
      as: anna,
      headers: { 'accept-encoding': 'gzip' },
    })
    await expect.poll(() => server.lastLine('gated')?.requestId).toBe(headers['x-request-id'])
    expect(server.lastLine('gated')).toMatchObject({
      level: 'info',
      outcome: 'OK',
      userId: 'anna',
      sent: { format: 'ndjson', encoding: 'gzip', rows: 1_100, pauses: 0 },
      database: { queries: 3 },
    })
    expect(names.map((name, index) => counted(name) - (before[index] ?? 0))).toEqual([1, 1_100])
    expect(server.app.metrics.snapshot().gauges).toMatchObject({
      exports_open: 0,
      exports_reading: 0,
    })
  })

  test.each([
    ['zstd', partly(promisify(zstdDecompress), constants.ZSTD_e_flush)],
    ['br', partly(promisify(brotliDecompress), constants.BROTLI_OPERATION_FLUSH)],
    ['gzip', partly(promisify(gunzip), constants.Z_SYNC_FLUSH)],
    ['identity', async (body: Buffer) => body],
  ])('in %s leaves with its first rows before the others can be read', async (name, decoded) => {
    await using gate = await server.closeGate()
    const response = await openExport(`${server.url}/exports/gated`, {
      as: { userId: name },
      headers: { 'accept-encoding': name },
    })
    expect(response.headers['content-encoding']).toBe(name === 'identity' ? undefined : name)
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    const seen = async () =>
      (await decoded(Buffer.concat(chunks))).toString().split('\r\n').slice(1, -1)
    await expect.poll(seen, { timeout: 5_000 }).toHaveLength(BEFORE_GATE)
    const end = once(response, 'end')
    await gate[Symbol.asyncDispose]()
    await end
    expect((await seen()).map((line) => line.slice(0, 6))).toEqual(ids(BEFORE_GATE + 100))
  })
})

/** What is told instead of an export. */
async function refusalOf(path: string, options: ReadOptions) {
  const answer = await read(path, options)
  const { headers, status } = answer
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
  expect(headers['content-disposition']).toBeUndefined()
  const { json } = Envelope.parse(JSON.parse(answer.text)).error
  expect(json.data.requestId).toBe(headers['x-request-id'])
  return [status, json.data.reason]
}

describe('an export is refused, as a call is,', () => {
  test('to nobody, and to who is not believed', async () => {
    expect(await refusalOf('parts', {})).toEqual([401, 'UNAUTHENTICATED'])
    const headers = { authorization: 'Bearer eyJ' }
    expect(await refusalOf('parts', { headers })).toEqual([401, 'UNAUTHENTICATED'])
  })

  test('to somebody without the role', async () => {
    expect(await refusalOf('few', { as: anna })).toEqual([403, 'FORBIDDEN'])
  })

  test.each([
    ['in a format that is none', 'format=xml'],
    ['in two formats', 'format=csv&format=csv'],
    ['for what it does not know', 'limit=1'],
    ['from a place that is none', "after=1'"],
    ['from more of a place than there is', 'after=000001,1'],
    ['from no place at all', 'after='],
  ])('%s', async (_, search) => {
    expect(await refusalOf(`parts?${search}`, { as: anna })).toEqual([400, 'BAD_INPUT'])
  })

  test.each(['POST', 'HEAD', 'DELETE'])('by %s', async (method) => {
    const { status, headers } = await read('parts', { as: anna, method })
    expect([status, headers.allow]).toEqual([405, 'GET'])
  })

  test('to a caller whose session has ended, where that is asked', async () => {
    await using stale = await startPartsServer({
      identity: () => ({
        userId: 'root',
        roles: ['admin'],
        scopes: [],
        isCurrent: async () => false,
      }),
    })
    const response = await openExport(`${stale.url}/exports/few`)
    expect(response.statusCode).toBe(401)
    response.resume()
  })

  test('when the caller has had enough of them, and tells when to come again', async () => {
    const ask = () => read('few', { as: { ...admin, userId: 'eager' } })
    for (let n = 1; n <= 3; n++) expect((await ask()).status).toBe(200)
    const { status, headers, text: body } = await ask()
    expect(status).toBe(429)
    expect(body).toContain('"reason":"RATE_LIMITED"')
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
    expect(headers.ratelimit).toMatch(/^"exports_few";r=0;t=\d+$/)
  })

  test('where there is none', async () => {
    expect(await read('nothing', { as: anna })).toMatchObject({ status: 404 })
    expect(await read('parts/', { as: anna })).toMatchObject({ status: 404 })
  })

  test('when no turn to read comes in time', async () => {
    await using gate = await server.closeGate()
    const others = ['one', 'two'].map((userId) =>
      openExport(`${server.url}/exports/closed`, { as: { userId } }),
    )
    await expect.poll(server.waitingAtGate, { timeout: 5_000 }).toBe(2)
    const refused = await read('closed', { as: anna })
    expect(refused.status).toBe(503)
    expect(refused.text).toContain('"reason":"OVERLOADED"')
    expect(refused.text).toContain('"retryable":true')
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    await gate[Symbol.asyncDispose]()
    for (const other of await Promise.all(others))
      expect(await text(other)).toBe('id,note\r\n001001,\r\n')
    expect(await read('closed', { as: anna })).toMatchObject({ status: 200 })
  })

  test('to somebody who has two open already, and to nobody else', async () => {
    const as = { userId: 'collector' }
    const open = () => openExport(`${server.url}/exports/parts`, { as })
    const [first, second] = await Promise.all([open(), open()])
    const third = await open()
    expect(third.statusCode).toBe(429)
    expect(await text(third)).toContain('"retryAfterMs":1000')
    first.destroy()
    await expect.poll(async () => (await read('gated', { as })).status).toBe(200)
    second.destroy()
  })
})
