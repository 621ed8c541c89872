import { transactionOn } from '../db/transaction.ts'
import type { FileStore, StoredFile } from '../file-types.ts'
import { keepAtLast, makeFile } from './keep.ts'
import { openFile } from './open-file.ts'
import { deleteFile, findFile } from './queries.ts'
import { createStaging, type StagingParts } from './staging.ts'
import { sweepUnclaimed } from './sweep.ts'
import './tables.ts'

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i

/**
 * Files whose rows are in the database and whose bytes are in a storage. The row is the file: it comes
 * when the bytes are safe, and goes before they do. No byte is removed unless the database says so.
 */
export function createFileStore(parts: StagingParts): FileStore {
  const { storage, db, rules } = parts
  const { stage, discard } = createStaging(parts)
  const here = () => transactionOn(db) ?? db

  async function rowOf(owner: string | null, id: string): Promise<Row | undefined> {
    return UUID.test(id) ? findFile(here(), owner, id) : undefined
  }

  return {
    stage,
    keep: async (staged) => toStored((await makeFile(here(), staged, rules)).file),
    discard: ({ storageKey }) => discard(storageKey),
    async create(owner, file) {
      const staged = await stage(owner, file)
      try {
        const made = await keepAtLast(() => makeFile(db, staged, rules), file.signal)
        if (!made.isNew) await discard(staged.storageKey)
        return toStored(made.file)
      } catch (error) {
        await discard(staged.storageKey)
        throw error
      }
    },
    async find(owner, id) {
      const row = await rowOf(owner, id)
      return row && toStored(row)
    },
    async open(owner, id) {
      const row = await rowOf(owner, id)
      if (!row) return undefined
      const bytes = await storage.open(row.storageKey)
      if (!bytes && !(await rowOf(owner, id))) return undefined // deleted meanwhile
      return openFile(toStored(row), bytes)
    },
    async remove(owner, id) {
      return UUID.test(id) && deleteFile(here(), owner, id)
    },
    sweep: (signal) => sweepUnclaimed(parts, signal),
  }
}

type Row = NonNullable<Awaited<ReturnType<typeof findFile>>>

function toStored({ storageKey: _, size, sha256, ...file }: Row): StoredFile {
  return { ...file, size: Number(size), sha256: sha256.toString('hex') }
}
