import { once } from 'node:events'
import { request } from 'node:http'

import { expect, test } from 'vitest'

import { openFilesHome } from './own-process.ts'

const full = process.env.TEST_FULL === '1'

const ROUNDS = full ? 20 : 1
const UPLOADS = 6

/** As large as is needed for a kill to find them in the middle, and some of them at their end. */
const PIECE = Buffer.alloc(64_000)

test('a server that is killed leaves no part of a file to be seen, and its bytes are swept', async () => {
  await using home = await openFilesHome()
  let acknowledged = 0
  const begin = (url: string, name: number) => {
    const upload = request(`${url}/files?name=${name}`, { method: 'POST', agent: false })
    upload.on('error', () => {})
    upload.on('response', (response) => {
      if (response.statusCode === 201) acknowledged++
      response.resume()
    })
    return upload
  }
  for (let round = 0; round < ROUNDS; round++) {
    await using server = await home.start()
    const uploads = Array.from({ length: UPLOADS }, (_, n) => begin(server.url, n))
    await Promise.all(uploads.map((upload) => new Promise((sent) => upload.write(PIECE, sent))))
    await expect.poll(async () => (await server.look()).uploads).toBe(UPLOADS)
    // Some end at this moment, the others never.
    uploads.forEach((upload, n) => n % 2 === 0 && upload.end(PIECE))
    if (round % 2 === 0) await Promise.any(uploads.map((upload) => once(upload, 'response')))
    await server.kill()
  }

  await home.client.query('update tautline.file_unclaimed set remove_after = now()')
  await using server = await home.start()
  const files = await home.files()
  expect(files).toBeGreaterThanOrEqual(acknowledged)
  expect(files).toBeLessThanOrEqual((ROUNDS * UPLOADS) / 2)
  await expect.poll(async () => (await home.stored()).length, { timeout: 20_000 }).toBe(files)
  const { rows } = await home.client.query<{ id: string }>('select id from tautline.file')
  for (const { id } of rows) {
    const response = await fetch(`${server.url}/files/${id}`)
    expect((await response.arrayBuffer()).byteLength).toBe(2 * PIECE.length)
  }
})
