import { initTRPC } from '@trpc/server'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { z } from 'zod'

import { defineError } from '@tautline/shared'

import { defineApp, type Procedures } from './app-definition.ts'
import { exportRows } from './exports/definition.ts'
import { mutation, query, subscription } from './rpc/define.ts'

const appOf = (router: Procedures) =>
  defineApp({
    name: 'contradictory',
    version: '0.0.0',
    features: { thing: { router } },
    identity: () => null,
    migrations: new URL('./rpc/no-migrations.fixture/', import.meta.url),
  })

const ping = {
  summary: 'Pings.',
  output: z.literal('pong'),
  policy: { allow: 'public' },
  run: async () => 'pong' as const,
} as const

test('a procedure that says nothing wrong is accepted', () => {
  expect(Object.keys(appOf({ ping: query(ping) }).router._def.procedures)).toEqual(['thing.ping'])
})

test('one reason with two meanings stops the start', () => {
  const one = defineError('TWICE', { code: 'CONFLICT', message: 'One.' })
  const other = defineError('TWICE', { code: 'NOT_FOUND', message: 'Other.' })
  expect(() =>
    appOf({ a: query({ ...ping, errors: [one] }), b: query({ ...ping, errors: [other] }) }),
  ).toThrow('thing.b: TWICE is defined twice')
  const common = defineError('INTERNAL', { code: 'CONFLICT', message: 'Mine.' })
  expect(() => appOf({ a: query({ ...ping, errors: [common] }) })).toThrow(
    'INTERNAL is defined twice',
  )
})

test('a policy that the kind of procedure cannot keep stops the start', () => {
  const policy = { allow: 'public', transaction: 'none' } as const
  expect(() => appOf({ a: query({ ...ping, policy }) })).toThrow(
    'policy.transaction is for mutations',
  )
  expect(() =>
    appOf({ a: mutation({ ...ping, policy: { allow: 'public', timeoutMs: -1 } }) }),
  ).toThrow('policy.timeoutMs must be a positive whole number')
  expect(() => appOf({ a: query({ ...ping, policy: { allow: 'public', streams: 1 } }) })).toThrow(
    'policy.streams is for subscriptions',
  )
})

test('a number beyond what can be kept stops the start', () => {
  const withPolicy = (policy: { timeoutMs?: number; maxBodyBytes?: number }) =>
    appOf({ a: query({ ...ping, policy: { allow: 'public', ...policy } }) })
  expect(() => withPolicy({ timeoutMs: 3_600_001 })).toThrow('policy.timeoutMs is at most 3600000')
  expect(() => withPolicy({ timeoutMs: 3_600_000 })).not.toThrow()
  expect(() => withPolicy({ maxBodyBytes: 64_000_001 })).toThrow('policy.maxBodyBytes is at most')
  const streaming = (timeoutMs: number) => {
    const policy = { allow: 'public', timeoutMs } as const
    const run = async function* () {
      yield 'pong' as const
    }
    return appOf({ a: subscription({ ...ping, policy, run }) })
  }
  expect(() => streaming(2 ** 31)).toThrow('policy.timeoutMs is at most 2147483647')
  expect(() => streaming(2 ** 31 - 1)).not.toThrow()
})

test('a procedure made past the definers stops the start, for it has no policy', () => {
  const t = initTRPC.create()
  expect(() => appOf({ bare: t.procedure.query(() => 1) })).toThrow('it has no policy')
})

test('a name that is no noun and verb, or a word of the client, stops the start', () => {
  expect(() => appOf({ mutate: query(ping) })).toThrow('mutate is a word of the client')
  expect(() => appOf({ Do_It: query(ping) })).toThrow('named noun.verb')
})

test('exports that contradict themselves or each other stop the start', () => {
  const things = exportRows({
    summary: 'All things.',
    policy: { allow: 'user', limit: 'few', stallTimeoutMs: 0 },
    columns: ['name'],
    position: { id: z.string() },
    rows: (db) => db.selectNoFrom([sql<string>`''`.as('id'), sql<string>`''`.as('name')]),
  })
  const features = {
    thing: { router: {}, exports: { things, 'all/things': things } },
    other: { router: {}, exports: { things } },
  }
  expect(() => defineApp({ ...appOf({}), features })).toThrow(
    [
      '  - exports.things: two features export under this name',
      '  - exports.things: position names id, which is none of its columns',
      '  - exports.things: policy.stallTimeoutMs must be a positive whole number',
      '  - exports.things: there is no limit few in the app’s limits',
      '  - exports.all/things: a name of letters, digits and - is part of its path',
    ].join('\n'),
  )
})
