import { expect, test } from 'vitest'
import { z } from 'zod'

import { defineApp, type Feature } from './app-definition.ts'
import { tasks } from './features/tasks/tasks.ts'
import { task, type TaskDefinition } from './tasks/definition.ts'

const Input = z.strictObject({ day: z.string().min(1) })

type Definition = TaskDefinition<string, typeof Input, z.ZodVoid, Record<never, never>>

const taskWith = (changes: Partial<Definition>) =>
  task({
    name: 'report.make',
    summary: 'Makes a report.',
    input: Input,
    output: z.void(),
    run: async () => {},
    ...changes,
  })

/** What a backend with these features is refused for. */
function mistakesOf(features: Record<string, Feature>): string {
  try {
    const migrations = new URL('./rpc/no-migrations.fixture/', import.meta.url)
    const identity = async () => null
    defineApp({ name: 'x', version: '0', features, identity, migrations })
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const mistakesIn = (changes: Partial<Definition>) =>
  mistakesOf({ tasks: tasks(), reports: { router: {}, tasks: [taskWith(changes)] } })

test('sound tasks are taken, also one that has no time any more', () => {
  const input = { day: 'Monday' }
  expect(mistakesIn({})).toBe('')
  expect(mistakesIn({ schedule: { at: '0 3 * * 1', timeZone: 'Asia/Tokyo', input } })).toBe('')
  expect(mistakesIn({ schedule: { at: 'FREQ=DAILY;UNTIL=20200101T000000Z', input } })).toBe('')
})

test.each<[string, Partial<Definition>]>([
  ['a name is noun.verb', { name: 'report' }],
  ['a name is noun.verb', { name: 'report.make it' }],
  ['a name is noun.verb', { name: `report.${'x'.repeat(100)}` }],
  ['timeoutMs is', { timeoutMs: 0 }],
  ['timeoutMs is', { timeoutMs: 24 * 60 * 60_000 }],
  ['concurrency is', { concurrency: 0 }],
  ['concurrency is', { concurrency: 1.5 }],
  ['priority is', { priority: 2 ** 31 }],
  ['retry.limit is', { retry: { limit: -1 } }],
  ['retry.baseMs is longer than retry.capMs', { retry: { baseMs: 2_000, capMs: 1_000 } }],
  ['schedule.at: ', { schedule: { at: 'at noon', input: { day: 'x' } } }],
  ['schedule.at: ', { schedule: { at: '0 9 * * *', timeZone: 'Mars', input: { day: 'x' } } }],
  ['schedule.input does not fit', { schedule: { at: '0 9 * * *', input: { day: '' } } }],
])('%s', (mistake, changes) => {
  expect(mistakesIn(changes)).toContain(mistake)
})

test('two tasks of one name are refused, also of two features', () => {
  const one = { router: {}, tasks: [taskWith({})] }
  expect(mistakesOf({ tasks: tasks(), one, other: one })).toContain('two tasks have this name')
})

test('a backend that has tasks has the feature tasks(), by that name', () => {
  const reports = { router: {}, tasks: [taskWith({})] }
  expect(mistakesOf({ reports })).toContain('no feature tasks()')
  expect(mistakesOf({ reports, jobs: tasks() })).toContain('is to be the feature tasks')
  expect(mistakesOf({ tasks: tasks() })).toBe('')
})
