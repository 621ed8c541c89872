import { expect, test } from 'vitest'
import { z } from 'zod'

import { downloadFile, uploadFile, watchTask } from '@tautline/client'

import { until } from '../dev/wait.ts'
import { between } from '../faults/chance.ts'
import { openSession } from '../faults/server-process.ts'
import { ITEMS_HASH, makeFile, type MadeFile } from './file.ts'
import { startWorld, type World } from './world.ts'

const full = process.env.TEST_FULL === '1'

const ROWS = full ? 1_000_000 : 30_000
const KILLS = full ? 5 : 1

/** Beside what the worker takes at rest. */
const MOST_MB = 150

const Output = z.object({
  created: z.number(),
  updated: z.number(),
  skipped: z.number(),
  bad: z.number(),
  reportId: z.string(),
})

test(
  'a large file is imported row by row, each once, in little memory, while its workers are killed',
  { timeout: 600_000 },
  async () => {
    await using world = await startWorld()
    const { client, worker } = world
    const file = makeFile(ROWS)
    const { id: fileId } = await uploadFile(
      client,
      new Blob(file.pieces.map((piece) => new Uint8Array(piece))),
      {
        name: 'items.csv',
      },
    )
    const { taskId } = await client.items.import.mutate({ fileId, onConflict: 'update' })
    const startedAt = performance.now()
    const [watched] = await Promise.all([watch(world, taskId), strike(world, taskId)])
    const seconds = Math.round((performance.now() - startedAt) / 1_000)

    const { state, error, output } = await client.tasks.get.query({ id: taskId })
    expect({ state, error }).toEqual({ state: 'succeeded', error: null })
    const { reportId, ...counts } = Output.parse(output)
    const { good } = file
    expect(counts).toEqual({ created: good, updated: 0, skipped: 0, bad: ROWS - good })
    await expectItems(world, file)
    expect(await (await downloadFile(client, reportId)).text()).toBe(file.report)
    expect((await client.files.list.query()).items).toHaveLength(2)

    expect(watched.attempts).toBeGreaterThan(KILLS)
    const [idleMb, mostMb] = [worker.idleBytes, worker.mostBytes].map((bytes) =>
      Math.round(bytes / 1_000_000),
    )
    console.info('import', { rows: ROWS, bad: ROWS - good, seconds, ...watched, idleMb, mostMb })
    expect(worker.mostBytes - worker.idleBytes).toBeLessThan(MOST_MB * 1_000_000)
  },
)

const Progress = z.object({ current: z.number() })

/** Follows the import to its end; it never goes back. */
async function watch({ client }: World, taskId: string) {
  const seen = { attempts: 0, progress: 0 }
  let furthest = 0
  for await (const { type, data } of watchTask(client, taskId)) {
    if (type === 'started') seen.attempts++
    if (type !== 'progress') continue
    seen.progress++
    const { current } = Progress.parse(data)
    expect(current).toBeGreaterThanOrEqual(furthest)
    furthest = current
  }
  return seen
}

/** Kills the worker again and again, each time somewhere further on. */
async function strike({ databaseUrl, worker }: World, taskId: string): Promise<void> {
  await using session = await openSession(databaseUrl)
  const { client } = session
  const rowsDone = async () => {
    const { rows } = await client.query<{ rows: string }>('select rows from item_import')
    return Number(rows[0]?.rows ?? 0)
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const [least, most] = [(ROWS * kill) / KILLS, (ROWS * (kill + 0.8)) / KILLS]
    const place = between(Math.floor(least) + 1, Math.floor(most))
    await until(`row ${place}`, async () => (await rowsDone()) >= place, 300_000)
    await worker.kill()
    // How long others wait for a process that is gone is tested elsewhere.
    if (!full) await endLease(session, taskId)
    await worker.succeed()
  }
}

/** Whoever had the task has not been heard of for longer than a lease. */
async function endLease({ client }: Awaited<ReturnType<typeof openSession>>, taskId: string) {
  await client.query(
    `update tautline_boss.job set heartbeat_on = now() - interval '1 minute'
     where data ->> 'taskId' = $1 and state = 'active'`,
    [taskId],
  )
}

async function expectItems({ databaseUrl }: World, { good, hash }: MadeFile): Promise<void> {
  await using session = await openSession(databaseUrl)
  const { rows } = await session.client.query(ITEMS_HASH)
  expect(rows).toEqual([{ count: good, hash }])
}
