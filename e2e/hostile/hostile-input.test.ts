import fc from 'fast-check'
import { expect, test } from 'vitest'

import type { HostileRequest } from './hostile-request.ts'
import { readProcedures } from './procedures.ts'
import { createReport } from './report.ts'
import { hostileRequests, openingRequests } from './requests.ts'
import { createSender, type Sender } from './send.ts'
import { slopeOf } from './slope.ts'
import { startInspectedServer } from './start-server.ts'
import { canary, createWorld, dumpVictim } from './world.ts'

const FULL = process.env.TEST_FULL === '1'

const REQUESTS = FULL ? 6_000 : 1_500
const SENDERS = 8

/** Requests between two looks at the heap. */
const ROUND = 150

/** What a request may leave behind, measured over the second half of a long run. */
const MAX_BYTES_PER_REQUEST = FULL ? 1_024 : Infinity

/** `SEED=123` sends the same requests again; without it, only the full runs go where none has been. */
const seed = Number(process.env.SEED ?? (FULL ? Math.floor(Math.random() * 2 ** 31) : 20_261_122))

test(
  'hostile input breaks nothing, shows nothing, changes nothing and leaves nothing behind',
  { timeout: 900_000 },
  async () => {
    await using server = await startInspectedServer()
    const procedures = readProcedures()
    const world = await createWorld(server)
    const ground = { procedures, world }
    const before = {
      canary: await canary(server.url, world),
      rows: await dumpVictim(server.databaseUrl, world),
      prototype: (await server.inspect()).prototype,
    }
    expect(before.rows.length).toBeGreaterThanOrEqual(20)

    using sender = createSender(server.url)
    const report = createReport()
    const [opening = []] = fc.sample(openingRequests(ground), { seed, numRuns: 1 })
    for (const request of opening) report.add(request, await sender.send(request))
    const arbitrary = hostileRequests(ground)
    const heap: [requests: number, bytes: number][] = []
    for (let sent = 0; sent < REQUESTS; sent += ROUND) {
      const requests = fc.sample(arbitrary, { seed: seed + sent, numRuns: ROUND })
      await sendAll(sender, requests, report)
      const inFlight = async () => (await server.inspect()).inFlight
      await expect.poll(inFlight, { timeout: 20_000 }).toBe(0)
      heap.push([sent + ROUND, (await server.inspect()).heapBytes])
    }
    const bytesPerRequest = slopeOf(heap.slice(heap.length / 2))

    console.info(`SEED=${seed}:`, { ...report.summary(), bytesPerRequest, heap })
    expect.soft(report.faults).toEqual([])
    expect.soft(server.errors).toEqual([])
    expect.soft(server.ended()).toBeNull()
    expect.soft((await server.inspect()).prototype).toEqual(before.prototype)
    expect.soft(await dumpVictim(server.databaseUrl, world)).toEqual(before.rows)
    expect.soft(await canary(server.url, world)).toEqual(before.canary)
    expect.soft(bytesPerRequest).toBeLessThan(MAX_BYTES_PER_REQUEST)

    // Otherwise all of it was refused at the door, and nothing was shown.
    const { sent, reached, tryAgain } = report.summary()
    expect.soft(sent).toBeGreaterThanOrEqual(REQUESTS)
    expect.soft(reached / sent).toBeGreaterThanOrEqual(0.4)
    const missed = procedures.filter(({ path }) => !report.hits.has(path))
    expect.soft(missed.map(({ path }) => path)).toEqual([])
    expect.soft(tryAgain / sent).toBeLessThan(0.01)
  },
)

/** Sends them by a few callers at a time. */
async function sendAll(
  sender: Sender,
  requests: readonly HostileRequest[],
  report: ReturnType<typeof createReport>,
): Promise<void> {
  const queue = requests.values()
  const one = async () => {
    for (const request of queue) report.add(request, await sender.send(request))
  }
  await Promise.all(Array.from({ length: SENDERS }, one))
}
