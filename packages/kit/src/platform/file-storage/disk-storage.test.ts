import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { openDiskStorage } from './disk-storage.ts'
import { StorageFullError, type FileStorage } from './file-storage.ts'
import { mountSmallDisk } from './small-disk.fixture.ts'

let folder: string
let storage: FileStorage
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tautline-storage-'))
  storage = await openDiskStorage(folder)
})
afterAll(() => rm(folder, { recursive: true }))

const newKey = () => randomBytes(16).toString('hex')

async function* pieces(...all: readonly (string | Error)[]) {
  for (const piece of all) {
    if (piece instanceof Error) throw piece
    yield Buffer.from(piece)
  }
}

/** Paths of the files that there are, whole or not. */
async function filesIn(): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
}

async function read(key: string, range?: { start: number; end: number }): Promise<string> {
  await using bytes = await storage.open(key)
  return bytes ? (await buffer(bytes.stream(range))).toString() : 'nothing'
}

test('bytes are read as they were written, whole or in part', async () => {
  const key = newKey()
  expect(await storage.write(key, pieces('one ', '', 'two'))).toBe(7)
  expect(await read(key)).toBe('one two')
  expect(await read(key, { start: 2, end: 4 })).toBe('e t')
  await storage.write(key.replace(/^./, 'a'), pieces())
  expect(await read(key.replace(/^./, 'a'))).toBe('')
})

test('bytes that are removed are gone', async () => {
  const key = newKey()
  await storage.write(key, pieces('first'))
  await storage.remove(key)
  expect(await read(key)).toBe('nothing')
})

test('nobody sees bytes whose end has not come, and nothing is left of those that never end', async () => {
  const key = newKey()
  const before = await filesIn()
  const gate = Promise.withResolvers<void>()
  async function* slow() {
    yield Buffer.from('begun')
    await gate.promise
    throw new Error('gone')
  }
  const writing = storage.write(key, slow())
  await expect.poll(filesIn).toHaveLength(before.length + 1)
  expect(await storage.open(key)).toBeUndefined()
  gate.resolve()
  await expect(writing).rejects.toThrow('gone')
  expect(await filesIn()).toEqual(before)
})

test('a source that fails while its last piece is written fails with its own error', async () => {
  const before = await filesIn()
  const writing = storage.write(newKey(), pieces('x'.repeat(1_000_000), new Error('source')))
  await expect(writing).rejects.toThrow('source')
  expect(await filesIn()).toEqual(before)
})

test('what a dead process has left of a key is removed with it, and so is nothing', async () => {
  const key = newKey()
  const before = await filesIn()
  const { promise: stop, reject } = Promise.withResolvers<never>()
  async function* endless() {
    yield Buffer.from('begun')
    await stop
  }
  const writing = storage.write(key, endless())
  await expect.poll(filesIn).toHaveLength(before.length + 1)
  await storage.remove(key)
  await storage.remove(key)
  expect(await filesIn()).toEqual(before)
  reject(new Error('end'))
  await expect(writing).rejects.toThrow('end')
})

test('bytes that are open are read to their end although they are removed', async () => {
  const key = newKey()
  await storage.write(key, pieces('still there'))
  await using bytes = await storage.open(key)
  await storage.remove(key)
  expect(await storage.open(key)).toBeUndefined()
  expect((await buffer(bytes?.stream() ?? Readable.from([]))).toString()).toBe('still there')
})

test.each(['', '..', '../../etc/passwd', 'A'.repeat(32), `${'a'.repeat(31)}/`, '\0'.repeat(32)])(
  'no key is a path: %j',
  async (key) => {
    await expect(storage.open(key)).rejects.toThrow('no key')
    await expect(storage.remove(key)).rejects.toThrow('no key')
    await expect(storage.write(key, pieces('x'))).rejects.toThrow('no key')
  },
)

test('a link in the place of bytes leads nowhere', async () => {
  const [key, linked] = [newKey(), newKey()]
  await storage.write(key, pieces('of somebody else'))
  const place = (of: string) => join(folder, of.slice(0, 2), of)
  await mkdir(join(folder, linked.slice(0, 2)), { recursive: true })
  await symlink(place(key), place(linked))
  await expect(storage.open(linked)).rejects.toThrow('ELOOP')
  await expect(storage.write(linked, pieces('new'))).resolves.toBe(3)
  expect(await read(key)).toBe('of somebody else')
})

test('only its own user may read what is stored', async () => {
  const key = newKey()
  await storage.write(key, pieces('private'))
  const { mode } = await stat(join(folder, key.slice(0, 2), key))
  expect(mode & 0o777).toBe(0o600)
})

test('a disk that is full says so, keeps nothing of what did not fit, and goes on once there is room', async ({
  skip,
}) => {
  await using disk = await mountSmallDisk()
  if (!disk) return skip('only root may mount a small disk')
  const small = await openDiskStorage(disk.path)
  const first = newKey()
  const piece = 'x'.repeat(50_000)
  await small.write(first, pieces(piece, piece))
  const tooLarge = small.write(newKey(), pieces(piece, piece, piece, piece))
  await expect(tooLarge).rejects.toThrow(StorageFullError)
  expect(await readdir(join(disk.path, 'incoming'))).toEqual([])
  await small.remove(first)
  expect(await small.write(newKey(), pieces(piece, piece, piece, piece))).toBe(200_000)
})
