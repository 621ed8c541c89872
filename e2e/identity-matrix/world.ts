import { once } from 'node:events'
import { createServer } from 'node:http'

import { Client } from 'pg'
import { z } from 'zod'

import type { Config, Identity } from '@tautline/kit'
import { startTestServer } from '@tautline/kit/testing'
import { app } from '@tautline/server/app'

import type { Ask } from './asks.ts'
import { createForger } from './forgeries.ts'
import { TENANT_HEADER, type People } from './identities.ts'
import { createMovableClock, createPerson, type Person } from './people.ts'

/** The app's own identity; accounts have no tenant, so a header says it. */
const identityWithTenant: Identity = async (request, resources) => {
  const principal = await app.identity(request, resources)
  const tenantId = request.headers[TENANT_HEADER]
  return principal && typeof tenantId === 'string' ? { ...principal, tenantId } : principal
}

const behindAProxy: Config['http'] = {
  hosts: undefined,
  corsOrigins: [],
  corsCredentials: false,
  hsts: false,
  trustedProxies: ['127.0.0.1'],
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
}

/** What the database has of a person. */
export interface Rows {
  readonly account: string
  /** Items and accounts of money, by id. */
  readonly belongings: ReadonlyMap<string, string>
}

/** The reference backend with people in it. */
export async function startWorld() {
  await using stack = new AsyncDisposableStack()
  const clock = createMovableClock()
  const given = {
    clock,
    identity: identityWithTenant,
    config: { http: behindAProxy },
    worker: false, // what tasks do is nobody's call
  }
  const server = stack.use(await startTestServer(app, given))
  const database = new Client({ connectionString: server.databaseUrl })
  database.on('error', () => {}) // the query that is under way fails
  await database.connect()
  stack.defer(() => database.end())
  const keys = stack.use(await startKeyServer())
  const people = {
    A: await createPerson(server, clock),
    B: await createPerson(server, clock),
    admin: await createPerson(server, clock, 'admin'),
    otherAdmin: await createPerson(server, clock, 'admin'),
  } satisfies People
  const everybody: Person[] = Object.values(people)
  const inputs = new WeakMap<Person, Map<Ask, unknown>>()
  const running = stack.move()
  return {
    url: server.url,
    people,
    /** Whoever there is, or has been. */
    everybody,
    forger: createForger(server.app, keys.url),
    /** How often the server asked the forgers' address for keys. */
    keyRequests: () => keys.requests,
    /** The same until somebody got what it asks for. */
    async inputOf(ask: Ask, subject: Person) {
      const known = inputs.get(subject) ?? new Map<Ask, unknown>()
      inputs.set(subject, known)
      if (!known.has(ask)) known.set(ask, await ask.input(subject, people))
      return known.get(ask)
    },
    forgetInput: (ask: Ask, subject: Person) => inputs.get(subject)?.delete(ask),
    /** Somebody new takes the place. */
    async replace(name: 'A' | 'B' | 'admin') {
      const role = name === 'admin' ? 'admin' : undefined
      people[name] = await createPerson(server, clock, role)
      everybody.push(people[name])
    },
    /** What the database has of A and B now. */
    async rows() {
      const [A, B] = await readRows(database, [people.A.id, people.B.id])
      if (!A || !B) throw new Error('There is an answer for each who was asked about.')
      return { A, B }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>

const Found = z.array(
  z.object({ account: z.string(), belongings: z.array(z.tuple([z.string(), z.string()])) }),
)

/** In the order of the ids: all but what a sign-in or a refused password may change. */
async function readRows(database: Client, ids: readonly string[]): Promise<Rows[]> {
  const { rows } = await database.query(
    `select
      concat(
        (select "user"::text from tautline.user where id = asked.id),
        (select string_agg(concat(id, revoked_at), ',' order by id)
          from tautline.api_key where user_id = asked.id),
        (select string_agg(concat(id, revoked_at), ',' order by id)
          from tautline.session where user_id = asked.id)
      ) as account,
      (select coalesce(json_agg(json_build_array(id, row)), '[]') from (
        select id, item::text from item where owner_id = asked.id::text
        union all
        select id, account::text from account where owner_id = asked.id::text
      ) as belonging (id, row)) as belongings
    from unnest($1::uuid[]) with ordinality as asked (id, place)
    order by place`,
    [ids],
  )
  return Found.parse(rows).map(({ account, belongings }) => ({
    account,
    belongings: new Map(belongings),
  }))
}

/** Would give keys to a server that asks a token where its key is. */
async function startKeyServer() {
  let requests = 0
  const server = createServer((_, response) => {
    requests++
    response.end('{"keys":[]}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('It listens on a port.')
  return {
    url: `http://127.0.0.1:${address.port}/keys`,
    get requests() {
      return requests
    },
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}
