import { AsyncLocalStorage } from 'node:async_hooks'

import { AbortedTransactionError, ControlledTransaction } from 'kysely'

import { orAborted } from '../platform/abort.ts'
import { currentCall, withinTransaction } from '../platform/call-scope.ts'
import type { Database, Db } from './database.ts'

let savepoints = 0

/** A savepoint that is open. */
interface Open {
  readonly root: object
  readonly name: string
}

/** The savepoint that the code which runs is in. */
const innermost = new AsyncLocalStorage<Open>()

/** Savepoints that are open, by the transaction they belong to; the last one is the innermost. */
const openSavepoints = new WeakMap<object, string[]>()

/** The transaction that the running code is in, and where it was begun. */
interface Begun {
  readonly on: Db
  readonly transaction: Db
  open: boolean
}

const begun = new AsyncLocalStorage<Begun>()

/** The open transaction that was begun on `db` around the code that runs. */
export function transactionOn(db: Db): Db | undefined {
  const here = begun.getStore()
  return here?.open && here.on === db ? here.transaction : undefined
}

/** Each savepoint is a transaction object of its own; this is the one that it is part of. */
const roots = new WeakMap<object, object>()

/** What is to be run after the commit of a transaction, by its object. */
const hintsOf = new WeakMap<object, ((pool: Db) => void)[]>()

/**
 * Runs `hint` with the pool once what was written here may be seen: at once outside a transaction, else
 * after its commit, also after one of which nobody knows whether it succeeded. Never after a rollback of
 * the whole; one of a savepoint does not matter. `hint` neither waits nor throws.
 */
export function afterCommit(db: Db, hint: (pool: Db) => void): void {
  const hints = hintsOf.get(roots.get(db) ?? db)
  if (hints) hints.push(hint)
  else if (!db.isTransaction) hint(db)
}

/**
 * Runs `run` in one transaction and commits it, or rolls it back when `run` throws. On a
 * transaction it is a savepoint of that one. When the call aborts, the transaction is rolled back
 * at once, whatever `run` is still doing; once COMMIT has been sent nothing interrupts it.
 *
 * Throws what `run` throws; `COMMIT_UNKNOWN` when the connection broke under the commit.
 */
export async function inTransaction<T>(db: Db, run: (db: Db) => Promise<T>): Promise<T> {
  if (isTransaction(db)) return inSavepoint(db, run)
  const transaction = await db.startTransaction().execute()
  const here: Begun = { on: db, transaction, open: true }
  const hints: ((pool: Db) => void)[] = []
  hintsOf.set(transaction, hints)
  let result: T
  try {
    const running = begun.run(here, () => withinTransaction(() => run(transaction)))
    result = await orAborted(running, currentCall()?.signal)
  } catch (error) {
    here.open = false
    await rollback(transaction)
    throw error
  }
  here.open = false
  try {
    await commit(transaction)
  } finally {
    for (const hint of hints) hint(db)
  }
  return result
}

/** `instanceof` alone would forget the tables. */
function isTransaction(db: Db): db is ControlledTransaction<Database> {
  return db instanceof ControlledTransaction
}

/**
 * Two savepoints side by side would nest on the one session: the failure of the first would undo
 * what the second had reported as done. So the second one is refused.
 */
async function inSavepoint<T>(
  outer: ControlledTransaction<Database>,
  run: (db: Db) => Promise<T>,
): Promise<T> {
  const root = roots.get(outer) ?? outer
  const open = openSavepoints.get(root) ?? []
  openSavepoints.set(root, open)
  const around = innermost.getStore()
  if (open.at(-1) !== (around?.root === root ? around.name : undefined)) {
    throw new Error('Two ctx.transaction ran side by side in one transaction; await the first.')
  }
  const name = `sp_${++savepoints}`
  open.push(name)
  try {
    return await innermost.run({ root, name }, () => betweenSavepoints(outer, { root, name }, run))
  } finally {
    open.pop()
  }
}

async function betweenSavepoints<T>(
  outer: ControlledTransaction<Database>,
  { root, name }: Open,
  run: (db: Db) => Promise<T>,
): Promise<T> {
  const inner = await outer.savepoint(name).execute()
  roots.set(inner, root)
  async function undo(): Promise<void> {
    await inner.rollbackToSavepoint(name).execute()
    // Postgres keeps a savepoint that it went back to, and all that follows would be inside it.
    await inner.releaseSavepoint(name).execute()
  }
  try {
    const result = await run(inner)
    await inner.releaseSavepoint(name).execute()
    return result
  } catch (error) {
    await undo().catch(() => {}) // the connection is gone; the error that says so is on its way
    throw error
  }
}

async function rollback(transaction: ControlledTransaction<Database>): Promise<void> {
  // A rollback that fails gives the connection up, which rolls back as well.
  await transaction
    .rollback()
    .execute()
    .catch(() => {})
}

async function commit(transaction: ControlledTransaction<Database>): Promise<void> {
  try {
    await transaction.commit().execute()
  } catch (error) {
    await rollback(transaction)
    if (error instanceof AbortedTransactionError) {
      throw new Error(
        'A statement failed, its error was swallowed, and the commit undid the rest.',
        {
          cause: error,
        },
      )
    }
    throw error
  }
}
