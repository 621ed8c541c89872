import { expect, test } from 'vitest'

import { createClient, createSession, safe } from '@tautline/client'
import { startTestServer } from '@tautline/kit/testing'
import { app } from '@tautline/server/app'
import type { AppRouter } from '@tautline/server/router-type'

import { startRelay } from './relay.ts'

/** Every request is one that the session makes. */
const retry = false

const ELEVEN_MINUTES_MS = 11 * 60_000

/** The reference backend, whose clock can be put forward, with refreshes through a relay. */
async function startReference() {
  await using stack = new AsyncDisposableStack()
  const ahead = { ms: 0 }
  const clock = { now: () => new Date(Date.now() + ahead.ms) }
  const server = stack.use(await startTestServer(app, { clock }))
  const relay = stack.use(await startRelay(server.url))
  const url = `${server.url}/rpc`
  const anonymous = createClient<AppRouter>({ url, retry })
  const refreshing = createClient<AppRouter>({ url: `${relay.url}/rpc`, retry })
  const session = createSession({
    refresh: (refreshToken, options) => refreshing.auth.refresh.mutate({ refreshToken }, options),
  })
  const client = createClient<AppRouter>({ url, session, retry })
  const account = { email: 'anna@example.com', name: 'Anna', password: 'correct horse battery' }
  session.signIn(await anonymous.auth.register.mutate(account))
  const refreshes = () =>
    server.logs.filter((line) => line['procedure'] === 'auth.refresh' && 'outcome' in line)
  const running = stack.move()
  return {
    anonymous,
    relay,
    session,
    client,
    account,
    refreshOutcomes: () => refreshes().map((line) => line['outcome']),
    expireAccess() {
      ahead.ms += ELEVEN_MINUTES_MS
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

test('a session with the reference backend goes on when its tokens expire', async () => {
  await using reference = await startReference()
  const { client, session, refreshOutcomes } = reference
  for (const round of [1, 2]) {
    reference.expireAccess()
    const calls = Array.from({ length: 30 }, () => client.auth.me.query())
    const names = (await Promise.all(calls)).map(({ name }) => name)
    expect(names).toEqual(Array.from({ length: 30 }, () => 'Anna'))
    expect(refreshOutcomes()).toEqual(Array.from({ length: round }, () => 'OK'))
  }
  expect(session.state).toBe('signed-in')
})

test('a lost answer to a refresh does not end a session with the reference backend', async () => {
  await using reference = await startReference()
  const { client, relay, refreshOutcomes } = reference
  reference.expireAccess()
  relay.become('pass', 'lose-answer')
  expect(await client.auth.me.query()).toMatchObject({ name: 'Anna' })
  expect(refreshOutcomes()).toEqual(['OK', 'OK'])
  reference.expireAccess()
  expect(await client.auth.me.query()).toMatchObject({ name: 'Anna' })
})

test('a session with the reference backend is over once the server was told', async () => {
  await using reference = await startReference()
  const { anonymous, client, session, account, refreshOutcomes } = reference
  const { email, password } = account
  const tokens = await anonymous.auth.login.mutate({ email, password })
  session.signIn(tokens)
  const refreshToken = session.signOut()
  expect(refreshToken).toBe(tokens.refreshToken)
  await anonymous.auth.logout.mutate({ refreshToken: tokens.refreshToken })

  session.signIn(tokens) // as a tab that has missed it
  reference.expireAccess()
  const [, error] = await safe(client.auth.me.query())
  expect(error?.reason).toBe('UNAUTHENTICATED')
  expect(refreshOutcomes()).toEqual(['REFRESH_REFUSED'])
  expect(session.state).toBe('signed-out')
})
