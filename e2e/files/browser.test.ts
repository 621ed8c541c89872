import { once } from 'node:events'
import { createServer } from 'node:http'

import { JSDOM } from 'jsdom'
import { afterEach, expect, test, vi } from 'vitest'

import { createClient, uploadFile, type TransferProgress } from '@tautline/client'

import type { FilesRouter } from './files-app.ts'
import { startFilesWorld } from './world.ts'

afterEach(() => vi.unstubAllGlobals())

test('a page sends a blob, with its progress, and is told what the server has against one', async () => {
  await using world = await startFilesWorld()
  const { url } = world.server
  const { window } = new JSDOM('', { url })
  vi.stubGlobal('XMLHttpRequest', window.XMLHttpRequest)
  vi.stubGlobal('Blob', window.Blob)
  const headers = () => world.server.headersAs({ userId: 'anna' })
  const client = createClient<FilesRouter>({ url: `${url}/rpc`, headers })

  const told: TransferProgress[] = []
  const blob = new Blob(['x'.repeat(2_000_000)])
  const onProgress = (progress: TransferProgress) => told.push(progress)
  const file = await uploadFile(client, blob, { name: 'page.txt', onProgress })
  expect(file).toMatchObject({ name: 'page.txt', size: 2_000_000, contentType: 'text/plain' })
  expect(told.at(-1)).toEqual({ bytes: 2_000_000, totalBytes: 2_000_000 })

  const tooLarge = uploadFile(client, new Blob(['x'.repeat(21_000_000)]), { onProgress })
  await expect(tooLarge).rejects.toMatchObject({ reason: 'FILE_TOO_LARGE' })
  const leaving = new AbortController()
  const sending = uploadFile(client, blob, { onProgress, signal: leaving.signal })
  leaving.abort()
  await expect(sending).rejects.toMatchObject({ reason: 'ABORTED' })
  window.close()
})

test('a page takes an answer without a body for what it is: none', async () => {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(204).end())
  })
  await using stack = new AsyncDisposableStack()
  stack.defer(() => void server.close())
  await once(server.listen(0), 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const url = `http://localhost:${port}`
  const { window } = new JSDOM('', { url })
  stack.defer(() => window.close())
  vi.stubGlobal('XMLHttpRequest', window.XMLHttpRequest)
  vi.stubGlobal('Blob', window.Blob)
  const client = createClient<FilesRouter>({ url: `${url}/rpc`, retry: false })
  const sending = uploadFile(client, new Blob(['x']), { onProgress() {} })
  await expect(sending).rejects.toMatchObject({ reason: 'OUTCOME_UNKNOWN' })
})
