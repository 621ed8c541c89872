import { beforeAll, describe, expect, it } from 'vitest'

import {
  environment,
  parallel,
  readyMade,
  reasons,
  selectAll,
  sqlRaw,
  syncCalls,
} from './cases-code.fixture.ts'
import { kitSteps, packageSteps } from './cases-imports.fixture.ts'
import { type Case, type Findings, lint } from './run.fixture.ts'

const tables: Record<string, Case[]> = {
  'tautline(import-ladder)': [...kitSteps, ...packageSteps],
  'tautline(no-select-all)': selectAll,
  'tautline(no-sql-raw)': sqlRaw,
  'tautline(no-sync-calls)': syncCalls,
  'tautline(no-parallel-on-transaction)': parallel,
  'tautline(env-in-config)': environment,
  'tautline(disable-with-reason)': reasons,
  ...Object.fromEntries(Object.entries(readyMade).map(([rule, one]) => [rule, [one]])),
}

const all = Object.values(tables).flat()
let refused: Findings
let allowed: Findings

/** Two runs in all: every refused snippet in one copy of the layout, every allowed twin in another. */
beforeAll(async () => {
  const twins = all.map((one) => [one.allowedPath ?? one.path, one.allowed] as const)
  refused = await lint(new Map(all.map((one) => [one.path, one.refused])))
  allowed = await lint(new Map(twins))
})

it('has a file of its own for every snippet', () => {
  expect(new Set(all.map(({ path }) => path)).size).toBe(all.length)
  expect(new Set(all.map(({ path, allowedPath }) => allowedPath ?? path)).size).toBe(all.length)
})

describe.each(Object.entries(tables))('%s', (rule, cases) => {
  it.each(cases)('refuses the snippet and allows its twin: $name', ({ path, allowedPath }) => {
    expect(refused.get(path)).toContain(rule)
    const found = allowed.get(allowedPath ?? path) ?? []
    expect(found.filter((code) => code === rule || code.startsWith('tautline'))).toEqual([])
  })
})
