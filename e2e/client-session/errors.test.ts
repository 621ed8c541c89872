import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import {
  createClient,
  createSession,
  memoryStore,
  safe,
  type ClientOptions,
} from '@tautline/client'

import type { AccountsRouter } from './accounts-app.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** What a query and a mutation reject with. */
async function errorsOf(options: ClientOptions) {
  const client = createClient<AccountsRouter>({ ...options, retry: false })
  const [, query] = await safe(client.notes.whose.query())
  const [, mutation] = await safe(client.notes.write.mutate())
  return { query, mutation }
}

async function reasonsOf(options: ClientOptions) {
  const { query, mutation } = await errorsOf(options)
  return [query?.reason, mutation?.reason]
}

/** Something between client and server that answers by itself. */
async function startProxy(answer: (response: ServerResponse) => void) {
  const proxy = createServer((request, response) => {
    request.resume()
    answer(response)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  // oxlint-disable-next-line typescript/consistent-type-assertions -- a TCP server has no other address
  const { port } = proxy.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/rpc`,
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}

describe('what was never sent', () => {
  test('is an input that cannot be encoded', async () => {
    const text: unknown = Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => {
        throw new Error('no such thing')
      },
    })
    const take = createClient<AccountsRouter>({ url: world.url }).notes.take.mutate
    // oxlint-disable-next-line typescript/consistent-type-assertions -- JavaScript sends anything
    const [, error] = await safe(take({ text: text as string }))
    expect(error).toMatchObject({ reason: 'NOT_SENT', retryable: false })
    const circle: { text: unknown } = { text: [] }
    circle.text = [circle]
    // oxlint-disable-next-line typescript/consistent-type-assertions -- JavaScript sends anything
    const [, circular] = await safe(take(circle as { text: string }))
    expect(circular).toMatchObject({ reason: 'NOT_SENT', retryable: false })
  })

  test('is a call without the token or the headers that it was to have', async () => {
    const { url } = world
    const broken = new Error('The key chain is locked.')
    const auth = () => Promise.reject(broken)
    const { mutation } = await errorsOf({ url, auth })
    expect(mutation).toMatchObject({ reason: 'NOT_SENT', cause: { cause: broken } })
    expect(await reasonsOf({ url, headers: auth })).toEqual(['NOT_SENT', 'NOT_SENT'])
    const newline = () => ({ 'x-tenant': 'a\nb' })
    expect(await reasonsOf({ url, headers: newline })).toEqual(['NOT_SENT', 'NOT_SENT'])
    expect(await reasonsOf({ url, auth: () => 'a\nb' })).toEqual(['NOT_SENT', 'NOT_SENT'])
  })

  test('is a call whose session cannot be read', async () => {
    const store = {
      ...memoryStore(),
      read: () => {
        throw new DOMException('The user forbids it.', 'SecurityError')
      },
    }
    const refresh = () => Promise.reject(new Error('never asked'))
    const session = createSession({ store, refresh })
    expect(await reasonsOf({ url: world.url, session })).toEqual(['NOT_SENT', 'NOT_SENT'])
  })

  test('is a call to a host or a URL that there is not', async () => {
    const nowhere = ['UNREACHABLE', 'UNREACHABLE']
    expect(await reasonsOf({ url: 'http://no-such-host.invalid/rpc' })).toEqual(nowhere)
    expect(await reasonsOf({ url: 'no-scheme/rpc' })).toEqual(nowhere)
  })
})

describe('an answer that is none of ours', () => {
  const html = '<h1>No</h1>'
  const json = '{"message":"No"}'
  test.each([
    [401, html, 'BAD_RESPONSE'],
    [401, json, 'BAD_RESPONSE'],
    [413, html, 'BAD_RESPONSE'],
    [429, json, 'BAD_RESPONSE'],
    [408, html, 'OUTCOME_UNKNOWN'],
    [499, json, 'OUTCOME_UNKNOWN'],
    [502, html, 'OUTCOME_UNKNOWN'],
    [504, json, 'OUTCOME_UNKNOWN'],
    [200, html, 'OUTCOME_UNKNOWN'],
    [200, '[]', 'OUTCOME_UNKNOWN'],
    [200, '', 'OUTCOME_UNKNOWN'],
  ])('of status %i, %j, makes a mutation %s', async (status, body, ofMutation) => {
    await using proxy = await startProxy((response) => response.writeHead(status).end(body))
    expect(await reasonsOf({ url: proxy.url })).toEqual(['BAD_RESPONSE', ofMutation])
  })

  test('does not make a session refresh, nor end', async () => {
    await using proxy = await startProxy((response) => response.writeHead(401).end(html))
    const tab = world.openTab()
    await tab.signIn('anna')
    const { session } = tab
    expect(await reasonsOf({ url: proxy.url, session })).toEqual(['BAD_RESPONSE', 'BAD_RESPONSE'])
    expect(world.outcomes('auth.refresh')).toEqual([])
    expect(session.state).toBe('signed-in')
  })

  test('that breaks off in its middle is a lost connection', async () => {
    await using proxy = await startProxy((response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('[{"result":', () => response.destroy())
    })
    const lost = ['CONNECTION_LOST', 'OUTCOME_UNKNOWN']
    expect(await reasonsOf({ url: proxy.url })).toEqual(lost)
  })
})

describe('a call that takes too long', () => {
  test('for its caller is aborted, and says by what', async () => {
    await using proxy = await startProxy(() => {})
    const client = createClient<AccountsRouter>({ url: proxy.url })
    const signal = AbortSignal.timeout(20)
    const [, error] = await safe(client.notes.write.mutate(undefined, { signal }))
    expect(error).toMatchObject({ reason: 'ABORTED', cause: { name: 'TimeoutError' } })
    const left = AbortSignal.abort(new Error('The page is gone.'))
    const [, never] = await safe(client.notes.write.mutate(undefined, { signal: left }))
    expect(never).toMatchObject({ reason: 'ABORTED', cause: { message: 'The page is gone.' } })
  })

  test('for the fetch that was given has an unknown outcome', async () => {
    await using proxy = await startProxy(() => {})
    const impatient: typeof fetch = (input, init) =>
      fetch(input, { ...init, signal: AbortSignal.timeout(20) })
    const lost = ['CONNECTION_LOST', 'OUTCOME_UNKNOWN']
    expect(await reasonsOf({ url: proxy.url, fetch: impatient })).toEqual(lost)
  })
})
