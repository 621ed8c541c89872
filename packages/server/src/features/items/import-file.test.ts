import { Readable } from 'node:stream'

import { expect, test } from 'vitest'

import type { OpenFile } from '@tautline/kit'

import { openImport } from './import-file.ts'

const CHUNK_BYTES = 65_536
const CHUNKS = 200

const titles = 'sku,name,priceMinor\n'
const row = 's,Rope,1\n'

/** A large file, and how much of it was asked for. */
function largeFile() {
  const text = titles + row.repeat(Math.ceil((CHUNKS * CHUNK_BYTES) / row.length))
  const size = CHUNKS * CHUNK_BYTES
  const bytes = Buffer.from(text).subarray(0, size)
  const asked = { chunks: 0 }
  function* chunks(start: number, end: number) {
    for (let at = start; at <= end; at += CHUNK_BYTES) {
      asked.chunks++
      yield bytes.subarray(at, Math.min(at + CHUNK_BYTES, end + 1))
    }
  }
  const open: OpenFile = {
    file: {
      id: crypto.randomUUID(),
      name: 'items.csv',
      contentType: 'text/plain',
      size,
      sha256: '',
      createdAt: new Date(),
    },
    stream: ({ start, end } = { start: 0, end: size - 1 }) => Readable.from(chunks(start, end)),
    async [Symbol.asyncDispose]() {},
  }
  return { open, asked }
}

test('a file is read no faster than its rows are taken', async () => {
  const { open, asked } = largeFile()
  const file = await openImport(open, undefined)
  const before = asked.chunks
  let taken = 0
  for await (const batch of file.records(0)) {
    taken += batch.length
    if (taken > 10_000) break
  }
  expect(taken).toBeLessThan(20_000)
  // A stream asks for some more than is taken.
  expect(asked.chunks - before).toBeLessThan(20)
})
