import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { probeApp } from '../rpc/probe-app.fixture.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { httpConfig } from './http-config.fixture.ts'
import type { HttpConfig } from './listener.ts'
import { send } from './send.fixture.ts'

/** A server to which a caller is whoever has its address. */
const startServer = (http: Partial<HttpConfig>, host = '127.0.0.1') =>
  startTestServer(probeApp, {
    config: { http: httpConfig(http), host },
    identity: ({ address }) => ({ userId: address, roles: [], scopes: [] }),
  })

async function addressSeenBy(server: TestServer<typeof probeApp>, forwardedFor?: string) {
  const answer = await send(`${server.url}/rpc/probe.guarded`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(forwardedFor !== undefined && { 'x-forwarded-for': forwardedFor }),
    },
    body: JSON.stringify({ json: { text: '' } }),
  })
  return /"userId":"([^"]*)"/.exec(answer.text)?.[1]
}

describe('behind trusted proxies, the address of a client', () => {
  let server: TestServer<typeof probeApp>
  beforeAll(async () => {
    server = await startServer({ trustedProxies: ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'] })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test.each([
    ['is whom the nearest proxy names', '203.0.113.7', '203.0.113.7'],
    ['is not what the client wrote before it', '1.2.3.4, 203.0.113.7', '203.0.113.7'],
    ['is seen through several proxies', '203.0.113.7, 10.1.2.3,fd00::5', '203.0.113.7'],
    ['ends at the first that is no proxy', '203.0.113.7, 198.51.100.1, 10.1.2.3', '198.51.100.1'],
    ['is IPv6 in its shortest spelling', '2001:DB8:0:0::00AB', '2001:db8::ab'],
    ['loses its port and brackets', '[2001:db8::1]:4711', '2001:db8::1'],
    ['loses its port', '203.0.113.7:4711', '203.0.113.7'],
    ['is IPv4, also in IPv6 clothes', '::ffff:203.0.113.7', '203.0.113.7'],
    ['is found behind a proxy in IPv6 clothes', '203.0.113.7, ::ffff:10.1.2.3', '203.0.113.7'],
    ['is the last proxy that is known when it names nobody', 'unknown, 10.1.2.3', '10.1.2.3'],
    ['is the proxy itself when that names rubbish', '203.0.113.7, 999.1.1.1', '127.0.0.1'],
    ['is the proxy itself when that names nothing', '', '127.0.0.1'],
    ['is the farthest proxy when all are', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
  ])('%s', async (_, forwardedFor, address) => {
    expect(await addressSeenBy(server, forwardedFor)).toBe(address)
  })

  test('is on the line of its call in the log', async () => {
    await addressSeenBy(server, '203.0.113.99')
    const line = server.logs.find(({ address }) => address === '203.0.113.99')
    expect(line).toMatchObject({ procedure: 'probe.guarded', outcome: 'OK' })
  })
})

test('nobody is believed without trusted proxies, nor from outside of them', async () => {
  for (const trustedProxies of [[], ['10.0.0.0/8']]) {
    await using server = await startServer({ trustedProxies })
    expect(await addressSeenBy(server, '203.0.113.7')).toBe('127.0.0.1')
  }
})

test('a proxy whose word is not taken is told of once', async () => {
  const warnings = ({ logs }: TestServer<typeof probeApp>) =>
    logs.filter(({ msg }) => String(msg).includes('TAUTLINE_TRUSTED_PROXIES'))
  await using unset = await startServer({})
  await addressSeenBy(unset)
  expect(warnings(unset)).toEqual([])
  await addressSeenBy(unset, '203.0.113.7')
  await addressSeenBy(unset, '203.0.113.8')
  expect(warnings(unset)).toMatchObject([{ level: 'warn', proxy: '127.0.0.1' }])
  await using set = await startServer({ trustedProxies: ['127.0.0.1'] })
  await addressSeenBy(set, '203.0.113.7')
  expect(warnings(set)).toEqual([])
})

test('a server that listens on IPv6 for both tells IPv4 as IPv4', async () => {
  await using server = await startServer({}, '::')
  const { port } = new URL(server.url)
  expect(await addressSeenBy({ ...server, url: `http://127.0.0.1:${port}` })).toBe('127.0.0.1')
})
