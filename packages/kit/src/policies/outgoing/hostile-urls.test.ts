import { request } from 'undici'
import { expect, test } from 'vitest'

import { fanOut } from '@tautline/shared'

import type { Resolve } from './connector.ts'
import { hostileUrls, NAMES } from './hostile-urls.fixture.ts'
import { outgoingTo, reasonOf, startUpstream } from './upstream.fixture.ts'

const toLookup = (address: string) => ({ address, family: address.includes(':') ? 6 : 4 })

/** A resolver that is under an attacker's control. */
const resolve: Resolve = (hostname, done) => {
  const addresses = NAMES[hostname]
  if (addresses) done(null, addresses.map(toLookup))
  else done(new Error(`No such name: ${hostname}`), [])
}

/** Listeners on one port of several private addresses, which count who comes. */
async function listenInPrivate() {
  await using stack = new AsyncDisposableStack()
  const first = stack.use(await startUpstream((_, response) => response.end('private')))
  const listeners = [first]
  for (const address of ['127.0.0.2', '::1']) {
    const answer = (_: unknown, response: { end(text: string): void }) => response.end('private')
    listeners.push(stack.use(await startUpstream(answer, address, first.port)))
  }
  const all = stack.move()
  return {
    port: first.port,
    connections: () => listeners.reduce((sum, listener) => sum + listener.connections, 0),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** The reasons that the calls end with, by URL. */
async function outcomesOf(urls: readonly string[], call: (url: string) => Promise<unknown>) {
  const jobs = urls.map((url) => async () => [url, await reasonOf(call(url))] as const)
  return fanOut(jobs, { mode: 'failFast', limit: 20 })
}

const refused = (urls: readonly string[]) => urls.map((url) => [url, 'UPSTREAM_REFUSED_ADDRESS'])

test('no hostile URL leads to a connection', async () => {
  await using target = await listenInPrivate()
  await using outgoing = outgoingTo([], { resolve, ports: [80, 443, target.port] })
  const urls = hostileUrls(target.port)
  expect(urls.length).toBeGreaterThan(100)
  expect(await outcomesOf(urls, (url) => outgoing.fetch(url))).toEqual(refused(urls))
  expect(target.connections()).toBe(0)

  // The listeners are where the URLs lead: without the guard they are reached.
  await request(`http://0x7f.1:${target.port}/`).then(({ body }) => body.dump())
  expect(target.connections()).toBe(1)
})

test('no redirect to a hostile URL is followed', async () => {
  await using target = await listenInPrivate()
  const urls = hostileUrls(target.port).flatMap((url) => URL.parse(url)?.href ?? [])
  await using friendly = await startUpstream((incoming, response) => {
    const location = urls[Number(incoming.url?.slice(1))] ?? ''
    response.writeHead(302, { location }).end()
  }, '127.0.0.3')
  const ports = [80, 443, target.port]
  await using outgoing = outgoingTo([friendly.host], { resolve, ports })
  const ends = await outcomesOf(urls, (url) =>
    outgoing.fetch(`${friendly.url}/${urls.indexOf(url)}`),
  )
  expect(ends).toEqual(refused(urls))
  expect(urls.length).toBeGreaterThan(100)
  expect(friendly.requests).toHaveLength(urls.length)
  expect(target.connections()).toBe(0)
})

test('a name that changes its answer leads to the address that was looked at', async () => {
  await using target = await listenInPrivate()
  await using friendly = await startUpstream(
    (_, response) => {
      response.writeHead(200, { connection: 'close' }).end('friendly')
    },
    '127.0.0.3',
    target.port,
  )
  let lookups = 0
  const rebinding: Resolve = (_, done) => {
    done(null, [toLookup(lookups++ % 2 === 0 ? '127.0.0.3' : '127.0.0.1')])
  }
  await using outgoing = outgoingTo([friendly.host], { resolve: rebinding })
  const url = `http://rebinding.example:${target.port}/`
  const ends = []
  for (let call = 0; call < 6; call++) ends.push(await reasonOf(outgoing.fetch(url)))
  const [first, second] = ['no failure', 'UPSTREAM_REFUSED_ADDRESS']
  expect(ends).toEqual([first, second, first, second, first, second])
  expect(target.connections()).toBe(0)
})

test('of several addresses of a name only the allowed ones are tried', async () => {
  await using target = await listenInPrivate()
  await using friendly = await startUpstream(
    (_, response) => response.end('friendly'),
    '127.0.0.3',
    target.port,
  )
  const several = ['127.0.0.1', '::1', '127.0.0.3', '127.0.0.2'].map(toLookup)
  await using outgoing = outgoingTo([friendly.host], { resolve: (_, done) => done(null, several) })
  const { bytes } = await outgoing.fetch(`http://several.example:${target.port}/`)
  expect(Buffer.from(bytes).toString()).toBe('friendly')
  expect(target.connections()).toBe(0)
})

test('a failure does not say where the call went, the log does', async () => {
  await using outgoing = outgoingTo([], { resolve })
  const error: unknown = await outgoing
    .fetch('http://private.example/secret')
    .catch((e: unknown) => e)
  expect(error).toMatchObject({ message: 'This address may not be called.', details: {} })
  expect(error).not.toHaveProperty('details.data')
  expect(outgoing.lines.join()).toContain('private.example')
})
