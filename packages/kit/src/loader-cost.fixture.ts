import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'

import { sql } from 'kysely'
import { z } from 'zod'

import { defineApp } from './app-definition.ts'
import type { Db } from './db/database.ts'
import { createLoader } from './db/loader.ts'
import { query } from './rpc/define.ts'
import setup from './testing/global-setup.ts'
import { startTestServer } from './testing/index.ts'

/**
 * What one read by id costs, through a loader and by a statement of its own, for
 * `bench/policies.ts`: single calls over HTTP to a server in another process, and without HTTP. Both
 * in turn, so that what disturbs the machine disturbs both.
 */

const ROWS = 50_000
const ROUNDS = 5
const POOL = 10

/** How many read at the same time, and how often in a round. */
const EFFORTS = [
  [64, 4_000],
  [1, 1_000],
] as const

interface OwnThing {
  readonly id: number
  readonly owner: string
}
interface Thing {
  readonly id: number
  readonly body: string
}

async function findDirect(db: Db, { id, owner }: OwnThing): Promise<Thing | undefined> {
  const { rows } = await sql<Thing>`
    select id, body from thing where id = ${id} and owner = ${owner}`.execute(db)
  return rows[0]
}

const findLoaded = createLoader(async (db, keys: readonly OwnThing[]) => {
  const { rows } = await sql<Thing & { position: bigint }>`
    select thing.id, thing.body, asked.position
    from unnest(${keys.map(({ id }) => id)}::integer[], ${keys.map(({ owner }) => owner)}::text[])
      with ordinality as asked (id, owner, position)
    join thing on thing.id = asked.id and thing.owner = asked.owner`.execute(db)
  return rows
})

const WAYS = ['direct', 'loader'] as const
type Way = (typeof WAYS)[number]
const ways = { direct: findDirect, loader: findLoaded }

const reading = (find: (db: Db, key: OwnThing) => Promise<Thing | undefined>) =>
  query({
    summary: 'One thing.',
    input: z.strictObject({ id: z.int() }),
    output: z.object({ id: z.int(), body: z.string() }),
    policy: { allow: 'public' },
    async run({ ctx, input }) {
      const thing = await find(ctx.db, { id: input.id, owner: 'anna' })
      if (!thing) throw new Error(`There is no thing ${input.id}.`)
      return thing
    },
  })

const app = defineApp({
  name: 'cost',
  version: '1.2.3',
  features: { thing: { router: { direct: reading(findDirect), loader: reading(findLoaded) } } },
  identity: () => null,
  migrations: new URL('./rpc/no-migrations.fixture/', import.meta.url),
})

/** With a pool as large as a production server's. */
async function startServer() {
  await using stack = new AsyncDisposableStack()
  const home = stack.use(await startTestServer(app))
  const { db } = home.app.resources
  await sql`create table thing (id integer primary key, owner text, body text)`.execute(db)
  await sql`insert into thing
    select n, 'anna', repeat('x', 100) from generate_series(1, ${ROWS}::integer) n`.execute(db)
  await sql`analyze thing`.execute(db)
  const timeouts = { acquireTimeoutMs: 5_000, statementTimeoutMs: 15_000 }
  const database = { url: home.databaseUrl, directUrl: undefined, poolSize: POOL, ...timeouts }
  const server = stack.use(await startTestServer(app, { config: { database, logLevel: 'warn' } }))
  const running = stack.move()
  return { ...server, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

const anyId = () => 1 + Math.floor(Math.random() * ROWS)

/** So many workers, each of which reads again as soon as it has read: microseconds per read. */
async function readAll(atOnce: number, times: number, read: () => Promise<unknown>) {
  let left = times
  const work = async () => {
    while (left-- > 0) await read()
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: atOnce }, work))
  return ((performance.now() - startedAt) * 1_000) / times
}

type Reads = Record<Way, () => Promise<unknown>>

async function compare(what: string, [atOnce, times]: readonly [number, number], reads: Reads) {
  const rounds: Record<Way, number[]> = { direct: [], loader: [] }
  for (let round = 0; round <= ROUNDS; round++) {
    for (const way of WAYS) {
      const microseconds = await readAll(atOnce, times, reads[way])
      if (round > 0) rounds[way].push(microseconds) // the first warms up
    }
  }
  for (const way of WAYS) {
    const microseconds = rounds[way].sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]
    process.stdout.write(`${JSON.stringify({ name: `${what}, ${way}`, atOnce, microseconds })}\n`)
  }
}

const agent = new Agent({ keepAlive: true })

async function get(url: string): Promise<void> {
  const [response] = await once(request(url, { agent }).end(), 'response')
  await once(response.resume(), 'end')
  if (response.statusCode !== 200) throw new Error(`It answered ${response.statusCode}.`)
}

/** Until it is told to end. */
async function serve() {
  await using server = await startServer()
  process.send?.(server.url)
  await once(process, 'message')
  process.disconnect?.()
}

async function measureCalls() {
  const child = fork(fileURLToPath(import.meta.url), ['serve'])
  const [url] = await once(child, 'message')
  const input = () => encodeURIComponent(`{"json":{"id":${anyId()}}}`)
  const call = (way: Way) => () => get(`${url}/rpc/thing.${way}?input=${input()}`)
  const calls = { direct: call('direct'), loader: call('loader') }
  for (const effort of EFFORTS) await compare('a read by id over HTTP', effort, calls)
  child.send('end')
  await once(child, 'exit')
  agent.destroy()
}

async function measureReads() {
  await using server = await startServer()
  const { db } = server.app.resources
  const read = (way: Way) => () => ways[way](db, { id: anyId(), owner: 'anna' })
  const reads = { direct: read('direct'), loader: read('loader') }
  for (const effort of EFFORTS) await compare('a read by id', effort, reads)
}

if (process.argv[2] === 'serve') await serve()
else {
  const endPostgres = await setup()
  await measureReads()
  await measureCalls()
  await endPostgres()
}
