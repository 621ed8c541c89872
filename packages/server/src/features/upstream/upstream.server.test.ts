import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'

import { expect, test } from 'vitest'

import { startTestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'

/** A service that somebody else runs. */
async function startService(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('It has no port.')
  const host = `127.0.0.1:${address.port}`
  return {
    url: `http://${host}`,
    host,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const startBackend = (allow: readonly string[]) =>
  startTestServer(app, { config: { outgoing: { allow } } })

test('a hundred URLs are fetched, ten at once, and each is answered with data or a failure', async () => {
  let [running, most] = [0, 0]
  await using service = await startService(({ url = '' }, response) => {
    most = Math.max(most, ++running)
    response.on('close', () => running--)
    if (url === '/reset') return response.destroy()
    if (url === '/teapot') return response.writeHead(418).end()
    if (url === '/large') return response.end(Buffer.alloc(100_001))
    response.setHeader('content-type', 'text/plain')
    setTimeout(() => response.end(`this is ${url}`), 5)
  })
  await using backend = await startBackend([service.host])
  const client = backend.clientAs({ userId: 'anna' })
  const odd = [
    `${service.url}/teapot`,
    `${service.url}/large`,
    `${service.url}/reset`,
    'http://169.254.169.254/latest/meta-data',
    'file:///etc/passwd',
  ]
  const even = Array.from({ length: 95 }, (_, index) => `${service.url}/${index}`)
  const { results } = await client.upstream.fetchMany.mutate({ urls: [...odd, ...even] })
  expect(results.slice(0, 5)).toEqual([
    { ok: false, reason: 'UPSTREAM_STATUS', retryable: false, status: 418 },
    { ok: false, reason: 'UPSTREAM_TOO_LARGE', retryable: false },
    { ok: false, reason: 'UPSTREAM_UNAVAILABLE', retryable: true },
    { ok: false, reason: 'UPSTREAM_REFUSED_ADDRESS', retryable: false },
    { ok: false, reason: 'UPSTREAM_REFUSED_ADDRESS', retryable: false },
  ])
  expect(results.slice(5)).toEqual(
    even.map((_, index) => ({
      ok: true,
      status: 200,
      contentType: 'text/plain',
      text: `this is /${index}`,
    })),
  )
  expect(most).toBeGreaterThan(1)
  expect(most).toBeLessThanOrEqual(10)
})

test('more than a hundred URLs are refused, and so is a caller who is nobody', async () => {
  await using backend = await startBackend([])
  const urls = Array<string>(101).fill('http://example.com/')
  const anna = backend.clientAs({ userId: 'anna' }).upstream
  await expect(anna.fetchMany.mutate({ urls })).rejects.toMatchObject({ reason: 'BAD_INPUT' })
  const nobody = backend.client().upstream.fetchMany.mutate({ urls: urls.slice(1) })
  await expect(nobody).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' })
})

test('three sources are merged, and what fails does not take the others along', async () => {
  await using service = await startService(({ url }, response) => {
    if (url === '/stock') return response.writeHead(404).end()
    response.end(url === '/profile' ? '{"name":"Anna"}' : '[1,2,3]')
  })
  await using backend = await startBackend([service.host])
  const client = backend.clientAs({ userId: 'anna' })
  const sources = ['profile', 'orders', 'stock'].map((name) => ({
    name,
    url: `${service.url}/${name}`,
  }))
  expect(await client.upstream.merge.query({ sources })).toEqual({
    complete: false,
    merged: { profile: { name: 'Anna' }, orders: [1, 2, 3] },
    failed: [
      { name: 'stock', ok: false, reason: 'UPSTREAM_STATUS', retryable: false, status: 404 },
    ],
  })
  const [profile, orders] = sources
  if (!profile || !orders) throw new Error('There are three sources.')
  const all = { sources: [profile, orders, { ...orders, name: 'stock' }] }
  expect(await client.upstream.merge.query(all)).toMatchObject({ complete: true, failed: [] })
})

test('a caller who leaves ends the calls that were made for them', async () => {
  let open = 0
  await using service = await startService((_, response) => {
    open++
    response.on('close', () => open--)
  })
  await using backend = await startBackend([service.host])
  const controller = new AbortController()
  const urls = Array.from({ length: 30 }, (_, index) => `${service.url}/${index}`)
  const calling = backend
    .clientAs({ userId: 'anna' })
    .upstream.fetchMany.mutate({ urls }, { signal: controller.signal })
  await expect.poll(() => open).toBe(10)
  controller.abort()
  await expect(calling).rejects.toThrow('abort')
  await expect.poll(() => open).toBe(0)
})
