import { randomBytes } from 'node:crypto'

import { Failure } from '@tautline/shared'

import type { Db } from '../db/database.ts'
import type { FileRules, NewFile, StagedFile } from '../file-types.ts'
import { isWithinTransaction, withDeadline } from '../platform/call-scope.ts'
import { StorageFullError, type FileStorage } from '../platform/file-storage/file-storage.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'
import { checkKey } from '../policies/idempotency/keys.ts'
import { allowanceFor } from './allowance.ts'
import { STORAGE_FULL } from './errors.ts'
import { checkFileName } from './file-name.ts'
import { checkExpected, createIntake } from './intake.ts'
import {
  deleteUnclaimed,
  doom,
  extendUnclaimed,
  findFileOfBytes,
  insertUnclaimed,
} from './queries.ts'

export interface StagingParts {
  readonly storage: FileStorage
  readonly db: Db
  readonly rules: FileRules
  readonly log: Logger
  readonly metrics: Metrics
  /** How often bytes that are still coming say so, in milliseconds. Default 600,000. */
  readonly extendEveryMs?: number
}

const EXTEND_EVERY_MS = 10 * 60_000

/** Longest that a statement about bytes may take, in milliseconds. */
const STATEMENT_TIMEOUT_MS = 5_000

/**
 * Stores bytes that are no file yet. A row says first that they will be there: so those that no file
 * has in the end are found and removed, whatever became of who brought them.
 */
export function createStaging(parts: StagingParts) {
  const { storage, db, rules, log, metrics, extendEveryMs = EXTEND_EVERY_MS } = parts

  async function stage(owner: string | null, file: NewFile): Promise<StagedFile> {
    if (isWithinTransaction()) {
      throw new Error('Bytes of a file inside a transaction; stage them before it.')
    }
    const name = checkFileName(file.name)
    if (file.key !== undefined) checkKey(file.key)
    const allowance = await allowanceFor(owner, file, { db, rules })
    checkExpected(allowance)
    const intake = createIntake(allowance)
    const storageKey = randomBytes(16).toString('hex')
    await onOwnAccount(() => insertUnclaimed(db, storageKey))
    try {
      const source = extending(intake.read(file.source, file.signal), storageKey)
      const size = await storage.write(storageKey, source)
      metrics.count('file_bytes_stored_total', undefined, size)
      return { owner, name, size, ...intake.facts(), storageKey, key: file.key }
    } catch (error) {
      await discard(storageKey)
      throw error instanceof StorageFullError ? new Failure(STORAGE_FULL, { cause: error }) : error
    }
  }

  /** Says now and then that more is coming. */
  async function* extending(source: AsyncIterable<Uint8Array>, storageKey: string) {
    let saidAt = performance.now()
    for await (const chunk of source) {
      yield chunk
      if (performance.now() - saidAt < extendEveryMs) continue
      saidAt = performance.now()
      // One that fails is repeated long before it matters.
      await onOwnAccount(() => extendUnclaimed(db, storageKey)).catch(() => {})
    }
  }

  /** Removes bytes, unless they are a file. What fails here the sweep does, when its time has come. */
  async function discard(storageKey: string): Promise<void> {
    try {
      const isFile = () => findFileOfBytes(db, storageKey)
      // No row and no file: it came too late, and the sweep may have gone before the last byte.
      if (!(await onOwnAccount(() => doom(db, storageKey))) && (await onOwnAccount(isFile))) return
      await storage.remove(storageKey)
      await onOwnAccount(() => deleteUnclaimed(db, [storageKey]))
    } catch (error) {
      log.warn({ err: error }, 'bytes that are no file could not be removed yet')
    }
  }

  return { stage, discard }
}

/** Runs a statement that is nobody's call: it is made whatever became of that, and changes nothing there. */
function onOwnAccount<T>(run: () => Promise<T>): Promise<T> {
  return withDeadline('files', STATEMENT_TIMEOUT_MS, run)
}
