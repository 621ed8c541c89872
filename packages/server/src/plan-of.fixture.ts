import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
} from 'kysely'
import type { Client } from 'pg'
import { expect } from 'vitest'

import type { Database, Db } from '@tautline/kit'

type Ask = (db: Db) => Promise<unknown>

/** What query functions send. */
async function statementsOf(ask: Ask): Promise<CompiledQuery[]> {
  const sent: CompiledQuery[] = []
  const db = new Kysely<Database>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (of) => new PostgresIntrospector(of),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    log: ({ query }) => void sent.push(query),
  })
  await Promise.allSettled([ask(db)]) // nothing comes back, which some do not expect
  return sent
}

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly 'Shared Hit Blocks': number
  readonly 'Shared Read Blocks': number
  readonly 'Actual Loops': number
  /** On average, of the loops. */
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly PlanNode[]
}

/** How Postgres has done what a query function asks of it in one statement. */
export async function planOf(client: Client, ask: Ask): Promise<Plan> {
  const plans = await plansOf(client, ask)
  const [plan] = plans
  if (!plan || plans.length > 1) throw new Error(`${plans.length} statements were sent.`)
  return plan
}

/** The same of several statements, and nothing of them is left. */
export async function plansOf(client: Client, ask: Ask): Promise<Plan[]> {
  const plans: Plan[] = []
  await client.query('begin')
  try {
    for (const statement of await statementsOf(ask)) plans.push(await explain(client, statement))
  } finally {
    await client.query('rollback')
  }
  return plans
}

async function explain(client: Client, { sql, parameters }: CompiledQuery) {
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `explain (analyze, buffers, format json) ${sql}`,
    [...parameters],
  )
  const root = rows[0]?.['QUERY PLAN'][0].Plan
  if (!root) throw new Error('Postgres has told no plan.')
  const nodes = [...nodesOf(root)]
  const steps = nodes.map((node) => [node['Node Type'], node['Index Name']].join(' ').trim())
  return {
    steps,
    /** Those that read a table, or what another step has made. */
    scans: steps.filter((step) => step.includes('Scan')),
    indexes: new Set(nodes.flatMap((node) => node['Index Name'] ?? [])),
    buffers: root['Shared Hit Blocks'] + root['Shared Read Blocks'],
    /** How many rows were read that the statement did not want. */
    inVain: nodes.reduce((sum, node) => sum + removedBy(node), 0),
  }
}

export type Plan = Awaited<ReturnType<typeof explain>>

/** What a page late in a list may cost, beside the first one. */
export function expectSameCost(late: Plan, first: Plan): void {
  expect(late.steps).toEqual(first.steps)
  expect(Math.abs(late.buffers - first.buffers)).toBeLessThanOrEqual(2)
}

function removedBy(node: PlanNode): number {
  const { 'Rows Removed by Filter': filtered = 0, 'Rows Removed by Index Recheck': rechecked = 0 } =
    node
  return (filtered + rechecked) * node['Actual Loops']
}

function* nodesOf(node: PlanNode): Generator<PlanNode> {
  yield node
  for (const child of node.Plans ?? []) yield* nodesOf(child)
}
