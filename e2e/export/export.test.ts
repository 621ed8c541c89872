import { afterAll, beforeAll, expect, test } from 'vitest'

import { createTally, openItems, readItems, type Wish } from './reader.ts'
import { startExportWorld, type ExportWorld } from './world.ts'

const full = process.env.TEST_FULL === '1'

const ITEMS = full ? 1_000_000 : 50_000

/**
 * What an export may take of the memory of its process, in bytes, whatever its length. In a small run
 * the rows all together would take some 100 MB.
 */
const MOST_BYTES = full ? 100_000_000 : 85_000_000

/** From the request to the first byte of the file, in milliseconds. */
const MOST_FIRST_BYTE_MS = full ? 200 : Infinity

let world: ExportWorld
let idleBytes: number
beforeAll(async () => {
  world = await startExportWorld(ITEMS)
  idleBytes = (await world.observe()).rssBytes
})
afterAll(() => world[Symbol.asyncDispose]())

const wishes: Wish[] = [
  { format: 'csv', encoding: 'identity' },
  { format: 'ndjson', encoding: 'zstd' },
  ...(full
    ? ([
        { format: 'ndjson', encoding: 'identity' },
        { format: 'csv', encoding: 'zstd' },
        { format: 'csv', encoding: 'br' },
        { format: 'csv', encoding: 'gzip' },
      ] as const)
    : []),
]

async function expectConstantMemory(what: string, figures: object) {
  const { rssBytes } = await world.observe()
  const megabytes = (bytes: number) => Math.round(bytes / 1_000_000)
  const [idleMb, mostMb] = [megabytes(idleBytes), megabytes(rssBytes)]
  console.info(what, { idleMb, mostMb, ...figures })
  expect(rssBytes - idleBytes).toBeLessThan(MOST_BYTES)
}

test.each(wishes)('all items as $format, sent as $encoding, in constant memory', async (wish) => {
  const startedAt = performance.now()
  const { response, firstByteMs } = await openItems(world.url, wish)
  const tally = createTally(ITEMS)
  for await (const row of readItems(response)) tally.add(row)
  const perSecond = Math.round((ITEMS / (performance.now() - startedAt)) * 1_000)
  expect(tally.result).toEqual({ rows: ITEMS, wrong: 0 })
  await expectConstantMemory(`${wish.format} ${wish.encoding}`, { firstByteMs, perSecond })
  expect(firstByteMs).toBeLessThan(MOST_FIRST_BYTE_MS)
})

const reading = async () => (await world.observe()).reading

/** When a reader pauses, in rows that they have read: before any, and where there is enough to come. */
const PAUSES = full ? [1, ITEMS / 4, ITEMS / 2] : [1]

test('a reader who pauses costs no memory, no connection meanwhile, and misses nothing', async () => {
  const { response } = await openItems(world.url, { format: 'csv', encoding: 'identity' })
  const tally = createTally(ITEMS)
  for await (const row of readItems(response)) {
    tally.add(row)
    if (!PAUSES.includes(tally.result.rows)) continue
    await expect.poll(reading, { timeout: 10_000 }).toBe(0)
    expect(await world.observe()).toMatchObject({ open: 1, inUse: 0 })
  }
  expect(tally.result).toEqual({ rows: ITEMS, wrong: 0 })
  await expectConstantMemory('with pauses', { pauses: PAUSES.length })
})
