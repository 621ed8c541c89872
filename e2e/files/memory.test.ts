import { createHash, type Hash } from 'node:crypto'
import { request } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'
import { z } from 'zod'

import { openFilesHome } from './own-process.ts'

const full = process.env.TEST_FULL === '1'

/** Held in memory it would be far beyond the bound. */
const SIZE = full ? 1_000_000_000 : 150_000_000

/** Beside what the server takes at rest. */
const MOST_MB = 100

/** Of a disk and a machine that others use too. */
const TIMEOUT_MS = 600_000

const PIECE = Buffer.alloc(
  250_000,
  'every piece is like the others, which nothing here makes use of',
)

const Sent = z.object({
  result: z.object({
    data: z.object({ json: z.object({ id: z.string(), size: z.number(), sha256: z.string() }) }),
  }),
})

async function* bytes(hash: Hash) {
  for (let sent = 0; sent < SIZE; sent += PIECE.length) {
    hash.update(PIECE)
    yield PIECE
  }
}

async function upload(url: string) {
  const hash = createHash('sha256')
  const posting = request(`${url}/files?name=large`, { method: 'POST', agent: false })
  const answer = new Promise<string>((resolve, reject) => {
    posting.on('error', reject).on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve(text)).on('error', reject)
    })
  })
  await pipeline(bytes(hash), posting)
  const file = Sent.parse(JSON.parse(await answer)).result.data.json
  expect(file).toMatchObject({ size: SIZE, sha256: hash.digest('hex') })
  return file
}

/** Reads a file to its end, and gives its hash. */
function download(url: string, pauseMs = 0): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { agent: false }, (response) => {
      const hash = createHash('sha256')
      const read = async () => {
        if (pauseMs > 0) await sleep(pauseMs) // the file waits, and not in memory
        for await (const piece of response) hash.update(piece)
        return hash.digest('hex')
      }
      read().then(resolve, reject)
    })
      .on('error', reject)
      .end()
  })
}

test(
  'files of any size come and go in the same memory',
  async () => {
    await using home = await openFilesHome()
    await using server = await home.start()
    await fetch(`${server.url}/files`, { method: 'POST', body: 'what the first one loads' })
    const idleBytes = (await server.look()).rssBytes
    const look = async (startedAt: number) => {
      const mbPerS = Math.round(SIZE / 1_000 / (performance.now() - startedAt))
      return {
        mbPerS,
        moreMb: Math.round(((await server.look()).rssBytes - idleBytes) / 1_000_000),
      }
    }

    let startedAt = performance.now()
    const file = await upload(server.url)
    const uploaded = await look(startedAt)
    const several = Array.from({ length: full ? 2 : 0 }, () => upload(server.url))
    await Promise.all(several)
    const together = await look(startedAt)

    const url = `${server.url}/files/${file.id}`
    startedAt = performance.now()
    const reads = Array.from({ length: full ? 3 : 2 }, (_, n) => download(url, n * 200))
    expect(new Set(await Promise.all(reads))).toEqual(new Set([file.sha256]))
    const read = await look(startedAt)

    const idleMb = Math.round(idleBytes / 1_000_000)
    console.info('files', { fileMb: SIZE / 1_000_000, idleMb, uploaded, together, read })
    for (const { moreMb } of [uploaded, together, read]) expect(moreMb).toBeLessThan(MOST_MB)
    expect(await server.look()).toMatchObject({ uploads: 0, downloads: 0 })
  },
  TIMEOUT_MS,
)
