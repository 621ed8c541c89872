import { commonErrors, Failure, isFailure, retry } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import { toDatabaseFailure, violatedConstraint } from '../db/errors.ts'
import { inTransaction } from '../db/transaction.ts'
import type { FileRules, StagedFile } from '../file-types.ts'
import { quotaExceeded } from './allowance.ts'
import { QUOTA_EXCEEDED } from './errors.ts'
import { claim, countFile, findFileByKey, findFileOfBytes, insertFile } from './queries.ts'

type Row = Awaited<ReturnType<typeof insertFile>>

/** A file, and whether these bytes have become it. */
interface Made {
  readonly file: Row
  readonly isNew: boolean
}

/**
 * Makes a file of staged bytes, in a transaction, or in a savepoint of one. Doing it again gives the
 * same file. One that has the key of these bytes stands for them, if its bytes are the same.
 */
export async function makeFile(db: Db, staged: StagedFile, rules: FileRules): Promise<Made> {
  try {
    return { file: await inTransaction(db, (inner) => insert(inner, staged, rules)), isNew: true }
  } catch (error) {
    const { owner, key } = staged
    const same = key !== undefined && isRivalry(error) && (await findFileByKey(db, owner, key))
    if (!same) throw error
    const isSame = same.name === staged.name && same.sha256.toString('hex') === staged.sha256
    if (!isSame) throw new Failure(commonErrors.KEY_REUSED, { cause: error })
    return { file: same, isNew: false }
  }
}

async function insert(db: Db, staged: StagedFile, rules: FileRules): Promise<Row> {
  const { owner, storageKey } = staged
  if (!(await claim(db, storageKey))) {
    const made = await findFileOfBytes(db, storageKey)
    if (made) return made // by a commit whose answer was lost
    throw new Error('The staged bytes of a file are gone: they were kept too late.')
  }
  if (owner !== null && !(await countFile(db, { owner, size: staged.size }, rules))) {
    throw await quotaExceeded(db, owner, rules)
  }
  return insertFile(db, {
    owner,
    name: staged.name,
    content_type: staged.contentType,
    size: BigInt(staged.size),
    sha256: Buffer.from(staged.sha256, 'hex'),
    storage_key: storageKey,
    upload_key: staged.key ?? null,
  })
}

/** Whether another upload with the same key may have been faster. */
function isRivalry(error: unknown): boolean {
  if (isFailure(error)) return error.reason === QUOTA_EXCEEDED.reason
  return violatedConstraint(error) === 'file_upload_key'
}

const BACKOFF = { baseMs: 50, capMs: 2_000 }

/** Attempts to make a file whose bytes have come: its owner would have to send all of them again. */
const MAX_ATTEMPTS = 6

/** Does what can be done again without harm until Postgres has nothing against it. */
export function keepAtLast<T>(keep: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return retry(keep, {
    ...BACKOFF,
    maxAttempts: MAX_ATTEMPTS,
    ...(signal && { signal }),
    isRetryable: (error) => isForTheMoment(error) && {},
  })
}

/** A commit whose answer was lost is told by the next attempt. */
function isForTheMoment(error: unknown): boolean {
  if (isFailure(error)) return error.reason === commonErrors.COMMIT_UNKNOWN.reason
  return toDatabaseFailure(error)?.definition.retryable ?? false
}
