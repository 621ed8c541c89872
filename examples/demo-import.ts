import { setTimeout as sleep } from 'node:timers/promises'

import { downloadFile, isTask, uploadFile, watchTask, type Client } from '@tautline/client'
import type { AppRouter, AppTasks } from '@tautline/server/router-type'

import { createBar } from './demo-bar.ts'
import type { DemoWorker } from './server.ts'

/** Enough for somebody to watch, and to end its worker in the middle. */
const ROWS = 30_000

/** How long nobody is there to work, in milliseconds. */
const GONE_MS = 1_000

/**
 * Uploads a file of many rows and watches how the server imports it, in the background. With a
 * `worker`, that is killed in the middle, and another one goes on with what it has not done.
 */
export async function importCatalogue(client: Client<AppRouter>, worker: DemoWorker | undefined) {
  // Made while it is sent: neither end ever has all of it.
  const file = await uploadFile(client, makeCatalogue(), { name: 'catalogue.csv' })
  const { taskId } = await client.items.import.mutate({ fileId: file.id, onConflict: 'skip' })

  const bar = createBar({
    isTTY: process.stdout.isTTY,
    write: (text) => process.stdout.write(text),
  })
  let victim = worker
  for await (const event of watchTask(client, taskId)) {
    if (event.type === 'started' && event.attempt > 1) {
      bar.leave()
      console.log(`  Another worker has taken over: attempt ${event.attempt}.`)
    }
    if (event.type !== 'progress') continue
    const { current, total = 1, message = '' } = event.data
    const share = current / total
    bar.show(share, message)
    if (!victim || share === 1) continue
    bar.leave()
    await victim.kill()
    console.log(
      `  kill -9 ${victim.pid}: the worker is gone. The others notice within 15 seconds …`,
    )
    victim = undefined
    await sleep(GONE_MS)
    worker?.start()
  }
  bar.leave()
  const task = await client.tasks.get.query({ id: taskId })
  if (!isTask<AppTasks['items.import']>(task, 'items.import') || !task.output) {
    throw new Error('The import has failed.')
  }
  return { ...task.output, attempt: task.attempt }
}

/** The first lines of a file of the caller's. */
export async function firstLines(client: Client<AppRouter>, id: string, count: number) {
  const text = await (await downloadFile(client, id)).text()
  return text.split('\r\n').slice(0, count)
}

/** What a supplier might send: a few of its rows are no items. */
async function* makeCatalogue() {
  const encoder = new TextEncoder()
  yield encoder.encode('sku,name,quantity,priceMinor\n')
  for (let row = 1; row <= ROWS; row++) {
    const price = row % 2_500 === 0 ? '19.90' : String(row)
    yield encoder.encode(`part-${row},"Part no. ${row}, galvanized",${row % 100},${price}\n`)
  }
}
