import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { probeApp } from '../rpc/probe-app.fixture.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { httpConfig } from './http-config.fixture.ts'
import { rawAnswer } from './raw-socket.fixture.ts'
import { send } from './send.fixture.ts'

describe('a server with a list of its host names', () => {
  let server: TestServer<typeof probeApp>
  beforeAll(async () => {
    const http = httpConfig({ hosts: ['api.example.com', '[::1]'] })
    server = await startTestServer(probeApp, { config: { http } })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const askFor = (host: string, path = '/rpc/probe.stripped') =>
    send(`${server.url}${path}`, { headers: { host } })

  test.each([
    'api.example.com',
    'API.Example.com:8443',
    'api.example.com.',
    '[::1]:3000',
    '[0:0::1]',
  ])('answers for %s', async (host) => expect((await askFor(host)).status).toBe(200))

  test.each(['evil.example', 'api.example.com.evil.example', 'xapi.example.com', '127.0.0.1'])(
    'does not answer for %s, on any path',
    async (host) => {
      for (const path of ['/', '/rpc/probe.stripped', '/nothing']) {
        const answer = await askFor(host, path)
        expect(answer.status).toBe(421)
        expect(JSON.parse(answer.text)).toEqual({
          error: 'This server does not answer for that host.',
        })
      }
    },
  )

  test('tells probes how it is, whatever host they ask for', async () => {
    for (const path of ['/livez', '/readyz'])
      expect((await askFor('10.0.0.7', path)).status).toBe(200)
  })

  test('does not answer a request that names no host', async () => {
    const answer = await rawAnswer(server.url, 'GET /rpc/probe.stripped HTTP/1.0\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 421 /)
  })
})

describe('a server without a list of host names', () => {
  let server: TestServer<typeof probeApp>
  beforeAll(async () => {
    server = await startTestServer(probeApp)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test('answers for any of them', async () => {
    expect((await send(server.url, { headers: { host: 'anything.example' } })).status).toBe(200)
  })

  test.each(['user@api.example.com', 'api.example.com/path', 'a b', '999.999.999.999', ''])(
    'refuses "%s", which is no host name',
    async (host) => {
      const text = `GET /rpc/probe.stripped HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
      expect(await rawAnswer(server.url, text)).toMatch(/^HTTP\/1\.1 400 /)
    },
  )

  test('refuses two Host headers', async () => {
    const text = 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n'
    expect(await rawAnswer(server.url, text)).toMatch(/^HTTP\/1\.1 400 /)
  })
})
