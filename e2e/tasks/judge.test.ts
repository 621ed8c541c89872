import { expect, test } from 'vitest'

import { findFaults, type Evidence, type SeenEvent } from './judge.ts'
import { takeoversOf } from './takeover.ts'

const event = (
  taskId: string,
  seq: number,
  [type, attempt, chunk]: [SeenEvent['type'], number, number?],
): SeenEvent => ({ taskId, seq, attempt, type, chunk, at: seq * 1_000 })

/** Work of two chunks, whose first attempt was killed after the first of them. */
const work = [
  ['queued', 0],
  ['started', 1],
  ['custom', 1, 0],
  ['started', 2],
  ['custom', 2, 1],
  ['succeeded', 2],
] satisfies [SeenEvent['type'], number, number?][]

const child = [
  ['queued', 0],
  ['started', 1],
  ['succeeded', 1],
] satisfies [SeenEvent['type'], number][]

const eventsOf = (id: string, all: readonly [SeenEvent['type'], number, number?][]) =>
  all.map((one, index) => event(id, index + 1, one))

/** A run in which no promise was broken, but for what a test says. */
function evidence(differently: Partial<Evidence> = {}): Evidence {
  return {
    acknowledged: new Map([['a', 'work']]),
    undone: ['b'],
    redrives: new Map(),
    placed: [{ ref: 'a', taskId: 'work' }],
    tasks: [
      { id: 'work', name: 'work', state: 'succeeded', lastSeq: 6, work: { ref: 'a', chunks: 2 } },
      {
        id: 'child',
        name: 'child',
        state: 'succeeded',
        lastSeq: 3,
        child: { parent: 'work', chunk: 1 },
      },
    ],
    events: [...eventsOf('work', work), ...eventsOf('child', child)],
    effects: [
      { taskId: 'work', chunk: 0, attempt: 1 },
      { taskId: 'work', chunk: 1, attempt: 2 },
    ],
    witnesses: [
      { taskId: 'work', attempt: 1, what: 'start', pid: 7 },
      { taskId: 'work', attempt: 1, what: 'mail', pid: 7 },
      { taskId: 'work', attempt: 2, what: 'start', pid: 8 },
    ],
    steps: [{ taskId: 'work', state: 'done' }],
    jobs: 0,
    ...differently,
  }
}

const [first, ...others] = evidence().tasks
const withWork = (differently: object) => (first ? [{ ...first, ...differently }, ...others] : [])

/** The events of the work are others. */
const withEvents = (all: readonly [SeenEvent['type'], number, number?][]) => ({
  tasks: withWork({ lastSeq: all.length }),
  events: [...eventsOf('work', all), ...eventsOf('child', child)],
})

test('a run in which every promise was kept has no faults', () => {
  expect(findFaults(evidence())).toEqual([])
})

test('work that was acknowledged and is not there is lost', () => {
  const acknowledged = new Map([...evidence().acknowledged, ['c', 'another']])
  expect(findFaults(evidence({ acknowledged }))).toEqual(['c: acknowledged, and lost'])
})

test('work whose transaction was rolled back must not be there, nor any that nobody asked for', () => {
  const placed = [...evidence().placed, { ref: 'b', taskId: 'x' }, { ref: 'c', taskId: 'y' }]
  expect(findFaults(evidence({ placed }))).toEqual([
    'b: rolled back, and there',
    'c: nobody asked for it',
  ])
})

test('a task that has not ended, or twice, is a fault', () => {
  expect(findFaults(evidence({ tasks: withWork({ state: 'running' }) }))).toEqual([
    'work: is running in the end',
    'work: is running, its last event is not',
  ])
  const twice = withEvents([...work, ['succeeded', 2]])
  expect(findFaults(evidence(twice))).toEqual([
    'work: ended 2 times instead of 1',
    'work: succeeded after its end',
  ])
})

test('a task that was given its tries again ends once more', () => {
  const again = withEvents([...work, ['queued', 2], ['started', 3], ['succeeded', 3]])
  const redrives = new Map([['work', 1]])
  expect(findFaults(evidence({ ...again, redrives }))).toEqual([])
})

test('an event that is missing, or of an attempt that is over, is a fault', () => {
  const events = evidence().events.filter(({ taskId, seq }) => taskId !== 'work' || seq !== 1)
  expect(findFaults(evidence({ events }))).toEqual(['work: its events are not 1 to 6'])
  const stale = withEvents([...work.slice(0, 5), ['progress', 1], ['succeeded', 2]])
  expect(findFaults(evidence(stale))).toEqual(['work: event 6 (progress) is of attempt 1 during 2'])
})

test('an event that another attempt has written than the one it is of is a fault', () => {
  const events = evidence().events.map((one) => (one.chunk === 1 ? { ...one, by: 1 } : one))
  expect(findFaults(evidence({ events }))).toEqual(['work: event 5 (custom) of attempt 2 is by 1'])
})

test('two handlers of one attempt are a fault, and so are two mails', () => {
  const { witnesses } = evidence()
  const twice = [...witnesses, ...witnesses.slice(0, 2)]
  expect(findFaults(evidence({ witnesses: twice }))).toEqual([
    'work: handlers of attempt 1: 2',
    'work: mails: 2',
  ])
})

test('an effect that is there twice, or without its event, is a fault', () => {
  const effects = [...evidence().effects, { taskId: 'work', chunk: 0, attempt: 2 }]
  expect(findFaults(evidence({ effects }))).toEqual([
    'work: effects of chunk 0: 2',
    'work/0/2: done, and not told',
    'work: succeeded with 3 of 2 chunks',
  ])
})

test('a child that nobody asked for, or that is missing, is a fault', () => {
  const [parent, own] = evidence().tasks
  const stray = { id: 'child', name: 'child', state: 'succeeded', lastSeq: 3 } as const
  const tasks = parent && own ? [parent, { ...stray, child: { parent: 'work', chunk: -1 } }] : []
  expect(findFaults(evidence({ tasks }))).toEqual([
    'work/1: asked for a child that is not there',
    'work/-1: a child that nobody has asked for',
  ])
})

test('a job that is left is a fault', () => {
  expect(findFaults(evidence({ jobs: 1 }))).toEqual(['1 jobs are left'])
})

test('a takeover lasts from the strike to the beginning of the next attempt', () => {
  const { events, witnesses } = evidence()
  const strikes = [
    { how: 'kill -9', pid: 7, at: 2_500 },
    { how: 'kill -9', pid: 8, at: 9_000 },
  ] as const
  const begun = witnesses.filter(({ what }) => what === 'start')
  expect(takeoversOf(strikes, begun, events)).toEqual([1_500])
})
