import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Ask } from './asks.ts'
import { kinds, visit } from './cell.ts'
import { exportFor, visitExport } from './export-cell.ts'
import { fixtures } from './fixtures.ts'
import { identities, type Identity } from './identities.ts'
import { walkRouter } from './procedures.ts'
import { startWorld, type World } from './world.ts'

const procedures = walkRouter()
const asksOf = new Map<string, readonly Ask[]>(Object.entries(fixtures))

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/**
 * Whose ids the calls name. Who is nobody claims to be A, and is not believed about B either; that
 * is asked in full runs only.
 */
const subjectsOf = ({ is }: Identity) =>
  is === 'nobody' && process.env['TEST_FULL'] !== '1' ? (['A'] as const) : (['A', 'B'] as const)

const cells = [...identities].flatMap(([who, identity]) =>
  subjectsOf(identity).map((subject) => ({ who, identity, subject })),
)

const visited = new Set<string>()
const outcomes = new Map<string, number>()
const seen = new Set<string>()

test('every procedure of the router has a fixture, and there is none for any other', () => {
  expect([...asksOf.keys()].toSorted()).toEqual(procedures.map(({ path }) => path).toSorted())
})

// First, while everybody has the items that they began with.
test.each([...identities])(
  'gives their own items as a file, and nobody else’s: %s',
  async (_, who) => {
    expect(await visitExport(world, who)).toEqual(exportFor(who, world.people[who.account]))
  },
)

describe('gives every identity what its policy says, and nobody what is another’s:', () => {
  test.each(procedures)('$path ($door)', async (procedure) => {
    const faults: string[] = []
    for (const cell of cells) {
      for (const ask of asksOf.get(procedure.path) ?? []) {
        const { who, subject } = cell
        const found = await visit(world, { ...cell, procedure, ask })
        visited.add(`${procedure.path}, ${who}, ${subject}`)
        outcomes.set(found.outcome, (outcomes.get(found.outcome) ?? 0) + 1)
        for (const kind of found.seen) seen.add(`${who}: ${kind}`)
        faults.push(...found.faults.map((fault) => `${who}, ${ask.what} (${subject}): ${fault}`))
      }
    }
    expect(faults).toEqual([])
  })
})

describe('the matrix', () => {
  test('visits every cell, with more than a thousand requests', () => {
    expect(visited.size).toBe(procedures.length * cells.length)
    expect([...outcomes.values()].reduce((sum, count) => sum + count)).toBeGreaterThan(1_000)
  })

  test('has seen every outcome that its tables name, and no other', () => {
    const named = [...asksOf.values()].flat().flatMap(({ gives }) => Object.values(gives))
    const expected = new Set([...named, 'UNAUTHENTICATED'])
    expect([...outcomes.keys()].toSorted()).toEqual([...expected].toSorted())
    expect([...outcomes].filter(([, count]) => count < 4)).toEqual([])
  })

  test('shows owners their own marks, so that a leak of one would be seen', () => {
    for (const who of ['owner', 'other user', 'right token, signed by the test']) {
      for (const kind of kinds) expect(seen).toContain(`${who}: ${kind}`)
    }
  })

  test('never makes the server fetch what a token names', () => {
    expect(world.keyRequests()).toBe(0)
  })
})
