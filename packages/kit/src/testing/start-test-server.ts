import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'

import { createClient, type Client } from '@tautline/client'

import type { AppDefinition } from '../app-definition.ts'
import { createApp, readLanes, type App, type GivenParts } from '../app.ts'
import type { Config } from '../config.ts'
import { createLogger } from '../platform/logger.ts'
import type { Principal } from '../resources.ts'
import { createTestDatabase, withDatabase } from './test-database.ts'
import { authorizationOf, createTestIdentity } from './test-identity.ts'
import { provideTestPostgres } from './test-postgres.ts'
import { startTestRedis } from './test-redis.ts'

/** Who a test client is: a user id is enough. */
export type TestCaller = Partial<Principal> & Pick<Principal, 'userId'>

/**
 * A real server with a database of its own, and clients to call it with. They make each call once,
 * so that a test sees what the server answers.
 */
export interface TestServer<Definition extends AppDefinition> extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:41234`. */
  readonly url: string
  readonly app: App
  /** Connection string of the database, around any pooler. */
  readonly databaseUrl: string
  /** Every line that the server has logged, parsed. */
  readonly logs: readonly Readonly<Record<string, unknown>>[]
  /** A client that is nobody, or whose token `auth` gives. */
  client(options?: { auth?: () => string | null }): Client<Definition['router']>
  /** A client that is this caller, without any signing in. */
  clientAs(caller: TestCaller): Client<Definition['router']>
  /** Headers by which a request is this caller's, for what is no procedure: an export. */
  headersAs(caller: TestCaller): Readonly<Record<'authorization', string>>
}

export interface TestServerOptions extends Partial<GivenParts> {
  /** What the configuration of this server should say otherwise. */
  readonly config?: Partial<Config>
  /** `real` starts a redis-server for this server alone. Default `none`. */
  readonly redis?: 'real' | 'none'
  /** Whether it runs tasks. Default true. */
  readonly worker?: boolean
}

/**
 * Starts a backend as in production, on any free port, with a migrated database that nobody else
 * uses. `await using` stops it and drops the database:
 *
 * ```ts
 * await using server = await startTestServer(app)
 * const client = server.clientAs({ userId: 'anna' })
 * ```
 */
export async function startTestServer<Definition extends AppDefinition>(
  definition: Definition,
  { config, redis = 'none', worker = true, ...given }: TestServerOptions = {},
): Promise<TestServer<Definition>> {
  await using stack = new AsyncDisposableStack()
  const postgres = stack.use(await provideTestPostgres())
  const { name } = stack.use(
    await createTestDatabase(postgres.adminUrl, await readLanes(definition)),
  )
  const databaseUrl = withDatabase(postgres.adminUrl, name)
  const poolerUrl = postgres.poolerUrl && withDatabase(postgres.poolerUrl, name)
  const redisUrl = redis === 'real' ? stack.use(await startTestRedis()).url : undefined
  const folder = join(tmpdir(), `tautline-files-${crypto.randomUUID()}`)
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const logs: Record<string, unknown>[] = []
  const app = await createApp(
    definition,
    {
      ...testConfig(databaseUrl, poolerUrl),
      files: { folder },
      worker,
      ...(redisUrl !== undefined && { redis: { url: redisUrl, keyPrefix: 'test:' } }),
      ...config,
    },
    {
      log: createLogger('debug', collectInto(logs)),
      identity: createTestIdentity(definition.identity),
      ...given,
    },
  )
  stack.defer(() => app.close())
  const url = await app.listen()
  const running = stack.move()
  const once = { url: `${url}/rpc`, retry: false } as const
  const headersAs = (caller: TestCaller) => ({
    authorization: authorizationOf({ roles: [], scopes: [], ...caller }),
  })
  return {
    url,
    app,
    databaseUrl,
    logs,
    client: ({ auth } = {}) =>
      createClient<Definition['router']>({ ...once, ...(auth && { auth }) }),
    clientAs: (caller) =>
      createClient<Definition['router']>({ ...once, headers: () => headersAs(caller) }),
    headersAs,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function testConfig(databaseUrl: string, poolerUrl: string | undefined): Config {
  return {
    environment: 'test',
    host: '127.0.0.1',
    port: 0,
    logLevel: 'debug',
    slowCallMs: 1_000,
    database: {
      url: poolerUrl ?? databaseUrl,
      directUrl: poolerUrl === undefined ? undefined : databaseUrl,
      poolSize: 5,
      // Long, because many test servers share a small machine.
      acquireTimeoutMs: 5_000,
      statementTimeoutMs: 15_000,
    },
    http: {
      hosts: undefined,
      corsOrigins: [],
      corsCredentials: false,
      hsts: false,
      trustedProxies: [],
      headersTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
    },
    redis: undefined,
    cache: { maxEntries: 1_000, maxBytes: 10_000_000 },
    buildId: undefined,
    // No test is refused for what others do to the machine.
    admission: { maxRunning: 1_000, maxQueued: 1_000 },
    processes: 1,
    worker: true,
    files: { folder: undefined },
    outgoing: { allow: [] },
    settings: {},
    secret: 'a secret that is only good for tests',
    drainTimeoutMs: 5_000,
    drainQuietMs: 0,
  }
}

function collectInto(logs: Record<string, unknown>[]): Writable {
  return new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      // oxlint-disable-next-line typescript/consistent-type-assertions -- pino writes objects
      logs.push(JSON.parse(line) as Record<string, unknown>)
      done()
    },
  })
}
