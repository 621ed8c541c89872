import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { CallError, createClient, safe } from '@tautline/client'
import { startTestServer, type TestServer } from '@tautline/kit/testing'
import { app } from '@tautline/server/app'
import type { AppRouter } from '@tautline/server/router-type'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

/** A client that counts its requests. */
function counted(token?: string) {
  const requests: { method: string; url: string }[] = []
  const client = createClient<AppRouter>({
    url: `${server.url}/rpc`,
    auth: () => token,
    retry: false,
    fetch(input, init) {
      const url = input instanceof Request ? input.url : input.toString()
      requests.push({ method: init?.method ?? 'GET', url })
      return fetch(input, init)
    },
  })
  return { client, requests }
}

async function signedIn() {
  const email = `${crypto.randomUUID()}@example.com`
  const account = { email, name: 'Anna', password: 'correct horse battery' }
  const { accessToken } = await counted().client.auth.register.mutate(account)
  return counted(accessToken)
}

const item = (sku: string) => ({ sku, name: sku, priceMinor: 5n })

describe('the client', () => {
  test('sends the queries of one tick in one request, and at most twenty in it', async () => {
    const { client, requests } = await signedIn()
    await Promise.all(Array.from({ length: 45 }, () => client.auth.me.query()))
    expect(requests).toHaveLength(3)
    expect(new Set(requests.map(({ method }) => method))).toEqual(new Set(['GET']))
  })

  test('sends each mutation in a request of its own', async () => {
    const { client, requests } = await signedIn()
    await Promise.all(['a', 'b', 'c'].map((sku) => client.items.create.mutate(item(sku))))
    expect(requests.map(({ method }) => method)).toEqual(['POST', 'POST', 'POST'])
  })

  test('posts a query that is too long for a URL', async () => {
    const { client, requests } = await signedIn()
    const [, error] = await safe(client.items.list.query({ cursor: '€'.repeat(2_000) }))
    expect(error?.reason).toBe('BAD_INPUT')
    expect(requests.map(({ method }) => method)).toEqual(['POST'])
  })

  test('gives dates, bigints and absent values back as they are', async () => {
    const { client } = await signedIn()
    const created = await client.items.create.mutate(item('a'))
    expect(created.createdAt).toBeInstanceOf(Date)
    expect(created.priceMinor).toBe(5n)
  })

  test('asks for the token before each request', async () => {
    const { client: first } = await signedIn()
    const me = await first.auth.me.query()
    let token: string | null = null
    const client = createClient<AppRouter>({ url: `${server.url}/rpc/`, auth: async () => token })
    await expect(client.auth.me.query()).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' })
    token = (await client.auth.login.mutate({ email: me.email, password: 'correct horse battery' }))
      .accessToken
    expect(await client.auth.me.query()).toEqual(me)
  })

  test('rejects with an error that says why, whether it may be retried, and where to look', async () => {
    const { client } = await signedIn()
    const [data, error] = await safe(client.items.get.query({ id: crypto.randomUUID() }))
    expect(data).toBeUndefined()
    expect(error).toBeInstanceOf(CallError)
    expect(error).toMatchObject({ reason: 'ITEM_NOT_FOUND', retryable: false, issues: [] })
    expect(error?.requestId).toMatch(/^[\da-f-]{36}$/)
  })
})

describe('an aborted call', () => {
  test('rejects at once, also when its batch goes on', async () => {
    const { client } = await signedIn()
    const controller = new AbortController()
    const aborted = safe(client.auth.me.query(undefined, { signal: controller.signal }))
    const other = client.auth.me.query()
    controller.abort()
    expect((await aborted)[1]?.reason).toBe('ABORTED')
    expect(await other).toHaveProperty('email')
    const never = safe(client.auth.me.query(undefined, { signal: AbortSignal.abort() }))
    expect((await never)[1]?.reason).toBe('ABORTED')
  })
})

describe('without a server that answers', () => {
  test('nothing was sent when nobody listens', async () => {
    const closed = await fakeServer(() => {})
    await closed[Symbol.asyncDispose]()
    const client = createClient<AppRouter>({ url: closed.url })
    const [, query] = await safe(client.auth.me.query())
    expect(query).toMatchObject({ reason: 'UNREACHABLE', retryable: true })
    const [, mutation] = await safe(client.items.delete.mutate({ id: crypto.randomUUID() }))
    expect(mutation).toMatchObject({ reason: 'UNREACHABLE', retryable: true })
  })

  test('the outcome of a mutation is unknown when the connection breaks under it', async () => {
    await using broken = await fakeServer((socket) => socket.destroy())
    const client = createClient<AppRouter>({ url: broken.url })
    const [, query] = await safe(client.auth.me.query())
    expect(query).toMatchObject({ reason: 'CONNECTION_LOST', retryable: true })
    const [, mutation] = await safe(client.items.delete.mutate({ id: crypto.randomUUID() }))
    expect(mutation).toMatchObject({ reason: 'OUTCOME_UNKNOWN', retryable: false })
  })

  test('a page of a proxy is no answer', async () => {
    await using proxy = await fakeServer((_, respond) => respond('<h1>502 Bad Gateway</h1>'))
    const client = createClient<AppRouter>({ url: proxy.url })
    expect((await safe(client.auth.me.query()))[1]?.reason).toBe('BAD_RESPONSE')
    const deleted = await safe(client.items.delete.mutate({ id: crypto.randomUUID() }))
    expect(deleted[1]?.reason).toBe('OUTCOME_UNKNOWN')
  })
})

type Behaviour = (socket: { destroy(): unknown }, respond: (html: string) => void) => void

async function fakeServer(behave: Behaviour) {
  const fake = createServer((request, response) => {
    request.resume()
    behave(request.socket, (html) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end(html)
    })
  })
  await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/consistent-type-assertions -- a TCP server has no other address
  const { port } = fake.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/rpc`,
    async [Symbol.asyncDispose]() {
      fake.closeAllConnections()
      await new Promise((resolve) => fake.close(resolve))
    },
  }
}
