import { afterAll, beforeAll, expect, test } from 'vitest'

import { shuffled } from '../faults/chance.ts'
import { createDatabase } from '../faults/server-process.ts'
import { openCuttingWay } from './cutting-way.ts'
import { startMortalServer, type MortalServer } from './mortal-server.ts'
import { createWatchers, type Resume, type Watcher } from './watchers.ts'
import { openWriter, pause, type Writer } from './writer.ts'

const full = process.env.TEST_FULL === '1'

const RUN = full
  ? { watchers: 200, tasks: 50, watched: 10, events: 100, overMs: 60_000, killEveryMs: 5_000 }
  : { watchers: 20, tasks: 10, watched: 5, events: 30, overMs: 5_000, killEveryMs: 1_500 }

/** Below these the run has shown nothing. */
const LEAST = full ? { kills: 8, cuts: 500, resumes: 2_000 } : { kills: 2, cuts: 20, resumes: 60 }

/** What is promised holds where nothing else runs on the machine. */
const MOST = full ? { resumeP99Ms: 2_000, stopMs: 3_000 } : { resumeP99Ms: 60_000, stopMs: 60_000 }

/** One watcher of so many has a stream for each of its tasks, and the others one for all of them. */
const STREAMS_EACH = full ? 40 : 5

/** After so many bytes a connection is cut at the latest. */
const MOST_BYTES = full ? 300_000 : 30_000

const world = new AsyncDisposableStack()
let server: MortalServer
let writer: Writer
beforeAll(async () => {
  const { directUrl } = world.use(await createDatabase())
  server = world.use(await startMortalServer(directUrl, full ? 2_500 : 0))
  writer = world.use(openWriter(directUrl))
})
afterAll(() => world.disposeAsync())

/** What each watcher is to have seen of each task. */
function expectAll(watchers: readonly Watcher[], events: number): void {
  const all = Array.from({ length: events }, (_, index) => index + 1)
  for (const { seen } of watchers) {
    expect([...seen.values()]).toEqual(Array.from(seen.keys(), () => all))
  }
}

/** How long connections took to come back, from the moment when that was possible, in order. */
function waitsOf(resumes: readonly Resume[]): number[] {
  return resumes
    .map(({ lostAt, backAt }) => backAt - Math.max(lostAt, server.backBefore(backAt)))
    .sort((a, b) => a - b)
}

test(
  'every watcher sees every event once and in order, whatever becomes of servers and connections',
  { timeout: 300_000 },
  async () => {
    await using way = await openCuttingWay(server.port, MOST_BYTES)
    const ids = await writer.addTasks(RUN.tasks)
    const resumes: Resume[] = []
    const { overOneStream, overStreams } = createWatchers({
      url: `http://127.0.0.1:${way.port}/rpc`,
      onResume: (resume) => resumes.push(resume),
    })
    const watchers = Array.from({ length: RUN.watchers }, (_, index) =>
      (index % STREAMS_EACH === 0 ? overStreams : overOneStream)(
        shuffled(ids).slice(0, RUN.watched),
      ),
    )
    const ended = Promise.all(watchers.map((watcher) => watcher.ended))
    const state = { isWritten: false, kills: 0 }
    const written = writer.write(ids, RUN).then(() => (state.isWritten = true))
    while (!state.isWritten) {
      await pause(RUN.killEveryMs)
      await server.restart('SIGKILL', 100)
      state.kills++
    }
    await Promise.all([written, ended])

    const waits = waitsOf(resumes)
    const quantile = (q: number) => Math.round(waits[Math.floor(waits.length * q)] ?? NaN)
    const [medianMs, p99Ms] = [quantile(0.5), quantile(0.99)]
    console.info({ ...state, cuts: way.cuts, resumes: waits.length, medianMs, p99Ms })
    expectAll(watchers, RUN.events)
    expect(state.kills).toBeGreaterThanOrEqual(LEAST.kills)
    expect(way.cuts).toBeGreaterThanOrEqual(LEAST.cuts)
    expect(waits.length).toBeGreaterThanOrEqual(LEAST.resumes)
    expect(p99Ms).toBeLessThanOrEqual(MOST.resumeP99Ms)
  },
)

test('a server that is told to stop does so at once, and its watchers go on at the next one', async () => {
  const ids = await writer.addTasks(3)
  const resumes: Resume[] = []
  const connected = { count: 0 }
  const { overOneStream } = createWatchers({
    url: `http://127.0.0.1:${server.port}/rpc`,
    onFirst: () => connected.count++,
    onResume: (resume) => resumes.push(resume),
  })
  const watchers = [overOneStream(ids), overOneStream(ids)]
  await expect.poll(() => connected.count).toBe(2)
  await server.prepared()
  const written = writer.write(ids, { events: 20, overMs: 1_000 })
  const { code, tookMs } = await server.restart('SIGTERM', 0)
  await Promise.all([written, ...watchers.map(({ ended }) => ended)])
  console.info({ stopMs: Math.round(tookMs), waits: waitsOf(resumes).map(Math.round) })
  expectAll(watchers, 20)
  expect(code).toBe(0)
  expect(resumes).toHaveLength(2)
  expect(tookMs).toBeLessThan(MOST.stopMs)
})
