/**
 * What tasks cost beside bare pg-boss, in one Postgres with the durability of production, side by side
 * in one run: tasks accepted and executed per second, and how long it takes from a commit to the
 * beginning of a task, and to whoever watches. Exits with 1 when a ratio is below the limit. Run by
 * `pnpm bench:tasks`.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { Client } from 'pg'

import { startMortalPostgres } from '@tautline/kit/testing'

import { describeMachine, ms } from './report.ts'
import { percentile, table } from './statistics.ts'
import { app, CONCURRENCY, plain } from './tasks-app.ts'
import { measureLatencies } from './tasks-latency.ts'
import { runRound, type Rates } from './tasks-rounds.ts'
import { openBaseline, openOurs } from './tasks-sides.ts'

const TASKS = Number(process.env['BENCH_TASKS'] ?? 1_500)
const WARM_UP_ROUNDS = 1
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const LATENCIES = 300

/** Of the rates of pg-boss. */
const LIMIT = 0.6

const WHAT: readonly (readonly [keyof Rates, string])[] = [
  ['enqueue', 'enqueued/s'],
  ['execute', 'executed/s'],
  ['both', 'both at once/s'],
]

await using postgres = await startMortalPostgres({ settings: { fsync: 'on' } })
const { url } = postgres
await migrate(url)
console.log(`${TASKS} tasks, ${CONCURRENCY} at once, ${ROUNDS} rounds after ${WARM_UP_ROUNDS}`)
console.log(await machine(url))

const rounds = await runRounds()
const holds = reportRates(rounds)
await reportLatencies()
if (!holds) process.exitCode = 1

/** One of each side in turn: what disturbs the machine disturbs all of them. */
async function runRounds(): Promise<Map<string, Rates[]>> {
  await using stack = new AsyncDisposableStack()
  const sides = [
    stack.use(await openBaseline(url)),
    stack.use(await openOurs('tasks', plain, url)),
    stack.use(await openOurs('with notifications', app, url)),
  ]
  const measured = new Map(sides.map(({ name }): [string, Rates[]] => [name, []]))
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    for (const side of sides) {
      const rates = await runRound(side, TASKS)
      if (round >= WARM_UP_ROUNDS) measured.get(side.name)?.push(rates)
    }
  }
  return measured
}

/** Whether the limit holds. A ratio is the median of those of single rounds. */
function reportRates(measured: ReadonlyMap<string, readonly Rates[]>): boolean {
  const [baseline, ours, ...others] = [...measured]
  if (!baseline || !ours) throw new Error('There are two sides to compare.')
  const median = (rates: readonly Rates[], what: keyof Rates) =>
    percentile(
      rates.map((rate) => rate[what]),
      0.5,
    )
  const ratio = (rates: readonly Rates[], what: keyof Rates) =>
    percentile(
      rates.map((rate, round) => rate[what] / (baseline[1][round]?.[what] ?? Number.NaN)),
      0.5,
    )
  const lines = [baseline, ours, ...others].map(([name, rates]) => [
    name,
    ...WHAT.map(([what]) => median(rates, what).toFixed(0)),
  ])
  const ratios = [ours, ...others].map(([name, rates]) => [
    `${name} / ${baseline[0]}`,
    ...WHAT.map(([what]) => `${ratio(rates, what).toFixed(2)} x`),
  ])
  console.log(`\n${table([['', ...WHAT.map(([, title]) => title)], ...lines, ...ratios])}`)
  const broken = WHAT.filter(([what]) => ratio(ours[1], what) < LIMIT)
  for (const [, title] of broken) console.log(`BROKEN: ${title} is below ${LIMIT} x`)
  return broken.length === 0
}

async function reportLatencies(): Promise<void> {
  const all = await measureLatencies(url, LATENCIES)
  const line = (title: string, values: readonly number[]) => [
    title,
    ...[0.5, 0.99].map((share) => ms(percentile(values, share))),
  ]
  const rows = [
    ['', 'median', 'p99'],
    line(
      'commit to start',
      all.map(({ start }) => start),
    ),
    line(
      'commit to client',
      all.map(({ client }) => client),
    ),
  ]
  console.log(`\n${table(rows)}`)
}

async function migrate(databaseUrl: string): Promise<void> {
  const cli = fileURLToPath(new URL('../packages/kit/src/cli/main.ts', import.meta.url))
  const args = ['--conditions=@tautline/source', cli, '--app', 'tasks-app.ts', 'migrate', 'up']
  const env = { ...process.env, DATABASE_URL: databaseUrl }
  await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname, env })
}

async function machine(databaseUrl: string): Promise<string> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return await describeMachine(client)
  } finally {
    await client.end()
  }
}
