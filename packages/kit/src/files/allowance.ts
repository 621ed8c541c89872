import { Failure } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import type { FileRules, NewFile } from '../file-types.ts'
import { QUOTA_EXCEEDED } from './errors.ts'
import type { Allowance } from './intake.ts'
import { findFileByKey, findUsage } from './queries.ts'

interface AllowanceParts {
  readonly db: Db
  readonly rules: FileRules
}

/**
 * How much an owner may send now, beside the files that are there. What others send at the same time
 * is not counted: it is when the file is made.
 */
export async function allowanceFor(
  owner: string | null,
  { key, expectedBytes }: Pick<NewFile, 'key' | 'expectedBytes'>,
  { db, rules }: AllowanceParts,
): Promise<Allowance> {
  const { maxBytes, quotaBytes, maxFiles } = rules
  const free = { maxBytes, expectedBytes, checkRoom() {} }
  if (owner === null) return free
  // A file that is there already takes no more room.
  if (key !== undefined && (await findFileByKey(db, owner, key))) return free
  const { files, usedBytes } = await usageOf(db, owner)
  return {
    ...free,
    checkRoom(bytes) {
      if (usedBytes + bytes <= quotaBytes && files < maxFiles) return
      throw new Failure(QUOTA_EXCEEDED, { data: { usedBytes, quotaBytes, files, maxFiles } })
    },
  }
}

/** Tells that a file does not fit, and beside what. */
export async function quotaExceeded(
  db: Db,
  owner: string,
  { quotaBytes, maxFiles }: FileRules,
): Promise<Failure> {
  const { files, usedBytes } = await usageOf(db, owner)
  return new Failure(QUOTA_EXCEEDED, { data: { usedBytes, quotaBytes, files, maxFiles } })
}

async function usageOf(db: Db, owner: string) {
  const { files = 0, bytes = 0n } = (await findUsage(db, owner)) ?? {}
  return { files, usedBytes: Number(bytes) }
}
