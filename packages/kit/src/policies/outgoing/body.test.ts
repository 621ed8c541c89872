import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { brotliCompress, constants, deflate, gzip, zstdCompress } from 'node:zlib'

import { expect, test } from 'vitest'

import { outgoingTo, reasonOf, startUpstream } from './upstream.fixture.ts'

const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }

const zipped = promisify<Buffer | string, Buffer>(gzip)
const brotli = (data: Buffer | string) =>
  new Promise<Buffer>((resolve, reject) => {
    brotliCompress(data, FAST, (error, encoded) => (error ? reject(error) : resolve(encoded)))
  })

const encoders: [string, (data: Buffer | string) => Promise<Buffer>][] = [
  ['br', brotli],
  ['gzip', zipped],
  ['deflate', promisify<Buffer | string, Buffer>(deflate)],
  ['zstd', promisify<Buffer | string, Buffer>(zstdCompress)],
]

const TEXT = 'Grüße '.repeat(5_000)
const MAX_BYTES = 1_000_000

/** A service that answers everything with one body. */
const serving = (encoding: string, body: Buffer) =>
  startUpstream((_, response) => {
    response.writeHead(200, { 'content-encoding': encoding }).end(body)
  })

test.each(encoders)('a body in %s is decompressed', async (encoding, encode) => {
  await using upstream = await serving(encoding, await encode(TEXT))
  await using outgoing = outgoingTo([upstream.host])
  const { bytes } = await outgoing.fetch(upstream.url)
  expect(Buffer.from(bytes).toString()).toBe(TEXT)
  expect(upstream.requests[0]?.headers['accept-encoding']).toContain(encoding)
})

test.each(encoders)('a bomb in %s is stopped at the limit', async (encoding, encode) => {
  await using upstream = await serving(encoding, await encode(Buffer.alloc(20_000_000)))
  await using outgoing = outgoingTo([upstream.host])
  const call = outgoing.fetch(upstream.url, { maxBytes: MAX_BYTES })
  expect(await reasonOf(call)).toBe('UPSTREAM_TOO_LARGE')
})

test('the limit is exact, whether the body says how long it is or not', async () => {
  const body = randomBytes(1_000)
  await using upstream = await startUpstream(({ url }, response) => {
    if (url === '/chunked') response.write(body.subarray(0, 500))
    response.end(url === '/chunked' ? body.subarray(500) : body)
  })
  await using outgoing = outgoingTo([upstream.host])
  for (const path of ['/', '/chunked']) {
    const { bytes } = await outgoing.fetch(upstream.url + path, { maxBytes: 1_000 })
    expect(body.equals(bytes)).toBe(true)
    const call = outgoing.fetch(upstream.url + path, { maxBytes: 999 })
    expect(await reasonOf(call)).toBe('UPSTREAM_TOO_LARGE')
  }
})

test('an endless body is cut off, and the upstream sees the connection close', async () => {
  let sent = 0
  const pour = (response: ServerResponse) => {
    while (!response.destroyed && response.write(Buffer.alloc(64_000))) sent += 64_000
  }
  await using upstream = await startUpstream((_, response) => {
    response.on('drain', () => pour(response))
    pour(response)
  })
  await using outgoing = outgoingTo([upstream.host])
  const calling = outgoing.fetch(upstream.url, { maxBytes: MAX_BYTES })
  expect(await reasonOf(calling)).toBe('UPSTREAM_TOO_LARGE')
  await expect.poll(() => upstream.requests[0]?.socket.destroyed).toBe(true)
  expect(sent).toBeLessThan(50_000_000)
})

test('an encoding that is broken, cut off, unknown or stacked up cannot be used', async () => {
  const whole = await zipped(TEXT)
  const cases = [
    ['gzip', Buffer.from('this is no gzip')],
    ['gzip', whole.subarray(0, -20)],
    ['br', whole],
    ['zstd', whole],
    ['snappy', whole],
    ['constructor', whole],
    ['gzip, gzip, gzip', await zipped(await zipped(whole))],
  ] as const
  const reasons = []
  for (const [encoding, body] of cases) {
    await using upstream = await serving(encoding, body)
    await using outgoing = outgoingTo([upstream.host])
    reasons.push(await reasonOf(outgoing.fetch(upstream.url)))
  }
  expect(reasons).toEqual(cases.map(() => 'UPSTREAM_INVALID'))
})

test('two encodings on top of each other are taken off in their order', async () => {
  await using upstream = await serving('gzip, br', await brotli(await zipped(TEXT)))
  await using outgoing = outgoingTo([upstream.host])
  const { bytes } = await outgoing.fetch(upstream.url)
  expect(Buffer.from(bytes).toString()).toBe(TEXT)
})

test('an answer without a body has no encoding to be broken', async () => {
  await using upstream = await startUpstream(({ method }, response) => {
    const headers = { 'content-encoding': 'gzip', 'content-length': method === 'HEAD' ? 99 : 0 }
    response.writeHead(200, headers).end()
  })
  await using outgoing = outgoingTo([upstream.host])
  for (const method of ['GET', 'HEAD'] as const) {
    expect((await outgoing.fetch(upstream.url, { method })).bytes).toHaveLength(0)
  }
})
