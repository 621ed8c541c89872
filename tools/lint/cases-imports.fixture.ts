import type { Case } from './run.fixture.ts'

const kit = 'packages/kit/src'
const server = 'packages/server/src'

/** An import of one name, as a value. */
const value = (from: string) => `import { x } from '${from}'\nexport const y = x\n`
/** The same, for its type only. */
const type = (from: string) => `import type { x } from '${from}'\nexport type Y = typeof x\n`

/** From where, what is refused, what is allowed instead. */
function step(name: string, path: string, specifiers: [refused: string, allowed: string]): Case {
  const [refused, allowed] = specifiers
  return { name, path, refused: value(refused), allowed: value(allowed) }
}

export const kitSteps: Case[] = [
  step('platform does not reach db', `${kit}/platform/a.ts`, ['../db/a.ts', './b.ts']),
  step('db does not reach tasks', `${kit}/db/a.ts`, ['../tasks/a.ts', '../platform/a.ts']),
  step('tasks do not reach rpc', `${kit}/tasks/a.ts`, ['../rpc/a.ts', '../policies/c/a.ts']),
  step('rpc does not reach tasks', `${kit}/rpc/b.ts`, ['../tasks/a.ts', '../db/a.ts']),
  step('files do not reach tasks', `${kit}/files/a.ts`, ['../tasks/a.ts', '../db/a.ts']),
  step('files-http does not reach features', `${kit}/files-http/a.ts`, [
    '../features/files/a.ts',
    '../files/a.ts',
  ]),
  step('policies do not reach tasks', `${kit}/policies/c/a.ts`, ['../../tasks/a.ts', './b.ts']),
  step('a policy does not reach another policy', `${kit}/policies/c/b.ts`, [
    '../rate-limit/a.ts',
    './deep/a.ts',
  ]),
  step('a nested policy file stays in its policy', `${kit}/policies/c/deep/a.ts`, [
    '../../rate-limit/a.ts',
    '../b.ts',
  ]),
  step('policies do not reach rpc', `${kit}/policies/c/c.ts`, ['../../rpc/a.ts', '../../db/a.ts']),
  step('rpc does not reach http', `${kit}/rpc/a.ts`, ['../http/a.ts', '../policies/c/a.ts']),
  step('http does not reach features', `${kit}/http/a.ts`, ['../features/a/a.ts', '../rpc/a.ts']),
  step('a feature does not reach another feature', `${kit}/features/auth/a.ts`, [
    '../files/a.ts',
    '../../http/a.ts',
  ]),
  step('a feature does not reach the edge', `${kit}/features/auth/b.ts`, [
    '../../index.ts',
    './a.ts',
  ]),
  step('app does not reach testing', `${kit}/app-parts.ts`, [
    './testing/a.ts',
    './features/a/a.ts',
  ]),
  step('testing does not reach cli', `${kit}/testing/a.ts`, ['../cli/a.ts', '../app.ts']),
  step('features do not read config', `${kit}/features/auth/c.ts`, ['../../config.ts', './a.ts']),
  {
    name: 'config takes types from below and reads the environment',
    path: `${kit}/config.ts`,
    refused: value('./db/a.ts'),
    allowed: `${type('./db/a.ts')}export const port = process.env.PORT\n`,
  },
  step('a test may use the test kit, its subject may not', `${kit}/db/b.test.ts`, [
    '../http/a.ts',
    '../testing/a.ts',
  ]),
  step('a file without a rung is refused', `${kit}/db/c.ts`, ['../services/a.ts', './a.ts']),
  step('an export is an import', `${kit}/db/d.ts`, ['../rpc/a.ts', './a.ts']),
  {
    name: 're-exports run down too',
    path: `${kit}/db/e.ts`,
    refused: `export { x } from '../rpc/a.ts'\n`,
    allowed: `export { x } from '../platform/a.ts'\n`,
  },
  {
    name: 'dynamic imports run down too',
    path: `${kit}/db/f.ts`,
    refused: `export const load = () => import('../rpc/a.ts')\n`,
    allowed: `export const load = () => import('../platform/a.ts')\n`,
  },
  {
    name: 'import types run down too',
    path: `${kit}/db/g.ts`,
    refused: `export type X = import('../rpc/a.ts').X\n`,
    allowed: `export type X = import('../platform/a.ts').X\n`,
  },
  {
    name: 'type imports run down too',
    path: `${kit}/db/h.ts`,
    refused: type('../rpc/a.ts'),
    allowed: type('../platform/a.ts'),
  },
  {
    name: 'platform reads config for types only',
    path: `${kit}/platform/c.ts`,
    refused: value('../config.ts'),
    allowed: type('../config.ts'),
  },
  {
    name: 'resources are types only',
    path: `${kit}/resources.ts`,
    refused: value('./db/a.ts'),
    allowed: type('./db/a.ts'),
  },
  {
    name: 'a stray file at the root of kit is refused',
    path: `${kit}/helpers.ts`,
    refused: 'export const x = 1\n',
    allowed: 'export const x = 1\n',
    allowedPath: `${kit}/platform/helpers.ts`,
  },
]

export const packageSteps: Case[] = [
  step('no one imports a package by its source', 'e2e/a.ts', [
    '@tautline/kit/src/db/a.ts',
    '@tautline/kit/testing',
  ]),
  step('no one leaves the package by a relative path', 'bench/a.ts', [
    '../packages/kit/src/index.ts',
    '@tautline/kit',
  ]),
  step('shared imports no workspace package', 'packages/shared/src/a.ts', [
    '@tautline/client',
    'zod',
  ]),
  step('shared has no Node API', 'packages/shared/src/b.ts', ['node:crypto', 'superjson']),
  step('client does not import kit', 'packages/client/src/a.ts', [
    '@tautline/kit',
    '@tautline/shared',
  ]),
  step('client does not import server', 'packages/client/src/b.ts', [
    '@tautline/server/router-type',
    '@tautline/shared',
  ]),
  step('kit imports client in testing only', `${kit}/cli/a.ts`, [
    '@tautline/client',
    '@tautline/shared',
  ]),
  step('kit does not import server', `${kit}/testing/b.ts`, [
    '@tautline/server/app',
    '@tautline/client',
  ]),
  step('server imports kit by its entry', `${server}/features/item/a.ts`, [
    '@tautline/kit/testing',
    '@tautline/kit',
  ]),
  step('a server feature does not reach another', `${server}/features/item/b.ts`, [
    '../order/a.ts',
    './a.ts',
  ]),
  step('a server feature does not reach app', `${server}/features/item/c.ts`, [
    '../../app.ts',
    'kysely',
  ]),
  step('a migration imports kysely only', `${server}/migrations/a.ts`, ['@tautline/kit', 'kysely']),
  step('a migration does not import ours', `${server}/migrations/b.ts`, [
    '../features/item/a.ts',
    'kysely',
  ]),
  step('console does not import the server app', 'packages/console/src/a.ts', [
    '@tautline/server/app',
    '@tautline/client',
  ]),
  {
    name: 'the router type is imported as a type',
    path: 'e2e/b.ts',
    refused: value('@tautline/server/router-type'),
    allowed: type('@tautline/server/router-type'),
  },
  step('tRPC stays out of kit mechanisms', `${kit}/policies/c/d.ts`, ['@trpc/server', 'lru-cache']),
  step('tRPC stays in the router of a kit feature', `${kit}/features/auth/d.ts`, [
    '@trpc/server/unstable-core-do-not-import',
    'jose',
  ]),
  step('tRPC stays in server routers', `${server}/features/item/queries.ts`, [
    '@trpc/server',
    'kysely',
  ]),
  {
    name: 'rpc and routers import tRPC',
    path: `${kit}/db/i.ts`,
    refused: value('@trpc/server'),
    allowed: value('@trpc/server'),
    allowedPath: `${kit}/features/auth/router.ts`,
  },
]
