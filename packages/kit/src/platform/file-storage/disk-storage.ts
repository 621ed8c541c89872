import { access, constants, mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

import { StorageFullError, type FileStorage, type OpenBytes } from './file-storage.ts'

/** Bytes that are still coming are in this folder, on the same disk as the others. */
const INCOMING = 'incoming'

/** Nobody but this user has anything to do with them. */
const PRIVATE = { folder: 0o700, file: 0o600 }

/** Random, and of no meaning to a file system. */
const KEY = /^[\da-f]{32}$/

/** Disk full, quota of the disk's user full, file larger than the file system takes. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Bytes are in the folder itself: a link to them was made by nobody who may. */
const TO_READ = constants.O_RDONLY | constants.O_NOFOLLOW

/** Bytes that a reader holds at a time. */
const READ_AT_ONCE = 128 * 1024

/**
 * Keeps files below a folder, which it makes. Processes that serve the same files share the folder.
 * Rejects when the folder cannot be written.
 */
export async function openDiskStorage(folder: string): Promise<FileStorage> {
  const root = resolve(folder)
  await mkdir(join(root, INCOMING), { recursive: true, mode: PRIVATE.folder })
  await access(join(root, INCOMING), constants.W_OK | constants.X_OK)
  /** Folders whose names are on the disk: another process may have made them a moment ago. */
  const known = new Set<string>()

  const incomingOf = (key: string) => join(root, INCOMING, checked(key))
  const placeOf = (key: string) => join(root, checked(key).slice(0, 2), key)

  return {
    async write(key, source) {
      const [incoming, place] = [incomingOf(key), placeOf(key)]
      const handle = await open(incoming, 'wx', PRIVATE.file).catch(rethrow)
      try {
        const size = await writeAll(handle, source)
        const parent = dirname(place)
        await mkdir(parent, { recursive: true, mode: PRIVATE.folder })
        await rename(incoming, place)
        await syncFolder(parent)
        if (!known.has(parent)) await syncFolder(root)
        known.add(parent)
        return size
      } catch (error) {
        await Promise.all([incoming, place].map((path) => rm(path, { force: true })))
        return rethrow(error)
      }
    },
    async open(key) {
      try {
        return await openBytes(await open(placeOf(key), TO_READ))
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined
        throw error
      }
    },
    async remove(key) {
      await rm(incomingOf(key), { force: true })
      await rm(placeOf(key), { force: true })
    },
  }
}

/** No key is ever a path. */
function checked(key: string): string {
  if (!KEY.test(key)) throw new Error('This is no key of a stored file.')
  return key
}

/** Resolves to the number of bytes, once all of them are on the disk. Closes the file. */
async function writeAll(opened: FileHandle, source: AsyncIterable<Uint8Array>): Promise<number> {
  await using handle = opened
  let size = 0
  let writing = Promise.resolve()
  for await (const chunk of source) {
    await writing
    size += chunk.length
    writing = writeChunk(handle, chunk)
    writing.catch(() => {}) // told when it is waited for, after the next chunk has come
  }
  await writing
  await handle.sync()
  return size
}

/** A disk that fills up takes the first part of what it is given. */
async function writeChunk(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let from = 0; from < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, from)
    from += bytesWritten
  }
}

/** A name is in its folder for good only once the folder itself is on the disk. */
async function syncFolder(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}

async function openBytes(handle: FileHandle): Promise<OpenBytes> {
  try {
    const { size } = await handle.stat()
    return {
      size,
      stream: (range) =>
        handle.createReadStream({ ...range, autoClose: false, highWaterMark: READ_AT_ONCE }),
      [Symbol.asyncDispose]: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

function rethrow(error: unknown): never {
  if (!NO_ROOM.has(codeOf(error))) throw error
  throw new StorageFullError('The disk of the files is full.', { cause: error })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
