import type { ClientRequest } from 'node:http'

import { expect, test } from 'vitest'

import { ask, beginUpload, errorOf, newcomer, startFilesServer } from './files-app.fixture.ts'

test('one owner has only so many uploads at the same time', async () => {
  await using narrow = await startFilesServer({
    uploads: { maxPerOwner: 2, stallTimeoutMs: 30_000 },
  })
  const as = newcomer()
  const open = [1, 2].map(() => {
    const { upload } = beginUpload(`${narrow.url}/files`, { as })
    upload.on('error', () => {}).write('x')
    return upload
  })
  await expect.poll(() => narrow.gauge('file_uploads_open')).toBe(2)
  const third = await narrow.upload('', { as, body: 'x' })
  expect([third.status, errorOf(third).reason]).toEqual([429, 'RATE_LIMITED'])
  expect((await narrow.upload('', { as: newcomer(), body: 'x' })).status).toBe(201)
  for (const upload of open) upload.destroy()
  await expect.poll(() => narrow.gauge('file_uploads_open')).toBe(0)
  await expect.poll(narrow.rows).toEqual({ files: 1, unclaimed: 0 })
  expect((await ask(`${narrow.url}/files`, { as, body: 'x' })).status).toBe(201)
})

test('one owner leaves half of the places to others, who take them one by one', async () => {
  await using narrow = await startFilesServer({
    uploads: { max: 4, maxPerOwner: 3, stallTimeoutMs: 30_000 },
  })
  const [greedy, ...others] = [newcomer(), newcomer(), newcomer(), newcomer()]
  const open: ClientRequest[] = []
  async function hold(as: typeof greedy) {
    const { upload } = beginUpload(`${narrow.url}/files`, { as })
    upload.on('error', () => {}).write('x')
    open.push(upload)
    await expect.poll(() => narrow.gauge('file_uploads_open')).toBe(open.length)
  }
  const reasonFor = async (as: typeof greedy) =>
    errorOf(await narrow.upload('', { as, body: 'x' })).reason

  for (const as of [greedy, greedy]) await hold(as)
  expect(await reasonFor(greedy)).toBe('RATE_LIMITED')
  for (const as of others.slice(0, 2)) {
    await hold(as)
    expect(await reasonFor(as)).toBe('RATE_LIMITED')
  }
  expect(await reasonFor(others[2] ?? greedy)).toBe('OVERLOADED')
  for (const upload of open) upload.destroy()
})

test('an upload that is slow for too long ends, although something comes', async () => {
  await using own = await startFilesServer({
    uploads: { stallTimeoutMs: 30_000, slowTimeoutMs: 500 },
  })
  const { upload, answer } = beginUpload(`${own.url}/files`, {
    as: newcomer(),
    headers: { 'content-length': 500_000 },
  })
  upload.on('error', () => {})
  const drops = setInterval(() => upload.write(Buffer.alloc(500)), 50)
  const { status, text } = await answer
  clearInterval(drops)
  upload.destroy()
  expect([status, errorOf({ text }).reason]).toEqual([400, 'UPLOAD_INCOMPLETE'])
})
