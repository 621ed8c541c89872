import type { Client } from 'pg'

import { createClient } from '@tautline/client'

import { startSteadyCalls } from '../login-flood/steady-calls.ts'
import { send, sendBatch, type Answer } from './calls.ts'
import type { app } from './effects-app.ts'

/** A way to ask for more than is allowed, for one bucket. */
export interface Way {
  readonly name: string
  /** Calls in one request. */
  readonly calls: number
  send(url: string, n: number): Promise<Answer>
}

/** What came of a flood. */
export interface Flooded {
  readonly elapsedMs: number
  /** Calls that were sent, by way. */
  readonly sent: Readonly<Record<string, number>>
  /** Rows that they left behind, by way. */
  readonly admitted: Readonly<Record<string, number>>
  /** What calls were told, all ways together. */
  readonly outcomes: Readonly<Record<string, number>>
}

const CALLS_PER_BATCH = 20

/** Each is another caller, or another address, and gets what one may have. */
export async function waysToAsk(url: string): Promise<readonly Way[]> {
  const anna = await signUp(url, 'anna')
  const berta = await signUp(url, 'berta')
  const carla = await signUp(url, 'carla')
  const carlas = [carla, await signIn(url, 'carla'), await signIn(url, 'carla')]
  const asUser = (input: { way: string }, token: string | undefined) => ({ input, token })
  const hex = () => Math.floor(Math.random() * 65_536).toString(16)
  const octet = () => Math.floor(Math.random() * 256)
  return [
    way('single calls', (to, input) => send(to, 'effects.add', asUser(input, anna))),
    {
      name: 'batches',
      calls: CALLS_PER_BATCH,
      send: (to) => {
        const input = { way: 'batches' }
        return sendBatch(to, 'effects.add', { input, token: berta, count: CALLS_PER_BATCH })
      },
    },
    way('three tokens', (to, input, n) => send(to, 'effects.add', asUser(input, carlas[n % 3]))),
    way('forged addresses', (to, input) => {
      const address = `${octet()}.${octet()}.${octet()}.${octet()}, 198.51.100.7`
      return send(to, 'effects.addUnnamed', { input, address })
    }),
    way('one IPv6 network', (to, input) => {
      const address = `2001:db8:7:7:${hex()}:${hex()}:${hex()}:${hex()}`
      return send(to, 'effects.addUnnamed', { input, address })
    }),
  ]
}

function way(
  name: string,
  call: (url: string, input: { way: string }, n: number) => Promise<Answer>,
): Way {
  return { name, calls: 1, send: (url, n) => call(url, { way: name }, n) }
}

export interface FloodOptions {
  readonly urls: readonly string[]
  readonly ways: readonly Way[]
  /** Calls in a second, by each way. */
  readonly perSecond: number
  /** Ends the flood. */
  readonly until: () => Promise<unknown>
  /** Leads to the database of the effects. */
  readonly database: Client
}

/** Asks in all ways at the same time, of all servers in turn; ends when all have answered. */
export async function flood(options: FloodOptions): Promise<Flooded> {
  const { urls, ways, perSecond, until, database } = options
  const before = await countEffects(database)
  const sent: Record<string, number> = {}
  const outcomes: Record<string, number> = {}
  const startedAt = performance.now()
  const floods = ways.map((each) =>
    startSteadyCalls({ perSecond: perSecond / each.calls, mostAtOnce: 50 }, async (n) => {
      sent[each.name] = (sent[each.name] ?? 0) + each.calls
      const answer = await each.send(urls[n % urls.length] ?? '', n)
      for (const outcome of answer.outcomes) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      return String(answer.status)
    }),
  )
  await until()
  await Promise.all(floods.map((each) => each.stop()))
  const elapsedMs = performance.now() - startedAt
  const after = await countEffects(database)
  const admitted = Object.fromEntries(
    ways.map(({ name }) => [name, (after[name] ?? 0) - (before[name] ?? 0)]),
  )
  return { elapsedMs, sent, admitted, outcomes }
}

async function countEffects(database: Client): Promise<Record<string, number>> {
  const { rows } = await database.query<{ way: string; count: number }>(
    'select way, count(*)::int as count from limited_effect group by way',
  )
  return Object.fromEntries(rows.map(({ way: name, count }) => [name, count]))
}

const PASSWORD = 'correct horse battery'

/** From an address of their own, so that nobody is locked out for the others. */
function accountsOf(url: string) {
  const address = `192.0.2.${Math.floor(Math.random() * 256)}`
  const headers = () => ({ 'x-forwarded-for': address })
  return createClient<(typeof app)['router']>({ url: `${url}/rpc`, headers, retry: false }).auth
}

/** An access token of somebody new. */
export async function signUp(url: string, name: string): Promise<string> {
  const account = { email: `${name}@example.com`, name, password: PASSWORD }
  return (await accountsOf(url).register.mutate(account)).accessToken
}

/** Another access token of theirs. */
export async function signIn(url: string, name: string): Promise<string> {
  const account = { email: `${name}@example.com`, password: PASSWORD }
  return (await accountsOf(url).login.mutate(account)).accessToken
}
