/**
 * What a typed call costs beside the database work in it: 10,000 rows by `COPY`, by the statement
 * of `items.bulkCreate` alone, and by the whole call from a typed client through HTTP to a server
 * in another process. Exits with 1 when a limit of `report.ts` is broken.
 */
import { randomUUID } from 'node:crypto'

import { Client } from 'pg'

import { createClient } from '@tautline/client'

import type { BenchRouter } from './app.ts'
import { startBenchServer } from './dev-server.ts'
import { describeMachine, judge, ms, type Round } from './report.ts'
import { copyRows, insertRows, makeRows, toCopyText } from './rows.ts'
import { timed } from './statistics.ts'

const ROWS = 10_000
const WARM_UP_ROUNDS = 5
const ROUNDS = 25

await using server = await startBenchServer()
await using stack = new AsyncDisposableStack()
const database = new Client({ connectionString: server.databaseUrl })
database.on('error', () => {}) // the query that is under way fails
await database.connect()
stack.defer(() => database.end())

const { client, ownerId } = await signUp(`${server.url}/rpc`)
const rows = makeRows(ROWS)
const copyText = toCopyText(rows, ownerId)

console.log(`items.bulkCreate, ${ROWS} rows, ${ROUNDS} rounds after ${WARM_UP_ROUNDS} to warm up`)
console.log(await describeMachine(database))
const rounds: Round[] = []
for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) rounds.push(await runRound())

const { text, holds } = judge(rounds.slice(WARM_UP_ROUNDS))
console.log(
  `The very first call blocked the event loop for ${ms(rounds[0]?.block ?? 0)}.\n\n${text}`,
)
if (!holds) process.exitCode = 1

async function signUp(url: string) {
  const session = await createClient<BenchRouter>({ url, retry: false }).auth.register.mutate({
    email: `bench-${randomUUID()}@example.com`,
    name: 'Bench',
    password: randomUUID(),
  })
  const auth = () => session.accessToken
  return {
    client: createClient<BenchRouter>({ url, auth, retry: false }),
    ownerId: session.user.id,
  }
}

/** One of each, into an empty table, in turn: what disturbs the machine disturbs all three. */
async function runRound(): Promise<Round> {
  await emptyTable()
  const copy = await timed(() => copyRows(database, copyText))
  await emptyTable()
  const statement = await timed(() => insertRows(database, rows, ownerId))
  await emptyTable()
  await client.loop.longestBlock.mutate() // forgets what was before
  const call = await timed(() => client.items.bulkCreate.mutate({ items: rows }))
  return { copy, statement, call, block: await client.loop.longestBlock.mutate() }
}

async function emptyTable(): Promise<void> {
  await database.query('truncate item')
}
