import { sql } from 'kysely'

import type { Db } from '../../db/database.ts'
import type { Notifications } from '../../db/notifications.ts'
import type { Clock } from '../../platform/clock.ts'
import { createDebt, type Debt } from './debt.ts'
import { CHANNEL, fromMessage, toMessages } from './invalidation-messages.ts'
import type { MemoryTagStore } from './memory-tag-store.ts'
import type { RedisTagStore } from './redis-tag-store.ts'
import type { Mark, TagSelection } from './tag-store.ts'

/** What may be done for one read. */
export interface View {
  /**
   * `cached`: answer from the cache, and fill it. `together`: nothing can be trusted, so nothing is
   * kept; reads of the same moment share a query. `alone`: a change is under way; run the query.
   */
  readonly use: 'cached' | 'together' | 'alone'
  /** What is kept in this process is valid under this version. */
  readonly version: string
  /** The same for what all processes share; undefined while that cannot be had. */
  readonly sharedVersion: string | undefined
}

/** A change of some tags, from before its COMMIT until after it. */
export interface Marks {
  /**
   * Tells other processes by NOTIFY, where they would not know otherwise. Runs on the transaction
   * of the change, so that it is told when, and only if, that commits.
   */
  announce(transaction: Db): Promise<void>
  /**
   * Whether the marks stand, and will for as long again as it took so far. Asked right before
   * COMMIT; if not, mark once more, and clear both.
   */
  readonly fresh: boolean
  /** After the transaction, whatever became of it. Never fails. */
  clear(): Promise<void>
}

export interface Validity extends Disposable {
  read(tags: readonly string[]): Promise<View>
  /** The version of what has no tags, in this process. */
  readonly untagged: string
  mark(tags: readonly string[]): Promise<Marks>
  /** `db` reaches the processes that Redis does not. */
  purge(selection: TagSelection, db?: Db): Promise<void>
}

export interface ValidityOptions {
  readonly local: MemoryTagStore
  readonly shared?: RedisTagStore | undefined
  readonly bus?: Pick<Notifications, 'listen'> | undefined
  readonly clock: Clock
  readonly markTtlMs: number
  /** Called when all that is kept in this process has become invalid. */
  readonly onPurge: () => void
}

/** Keeps the versions of this process, those in Redis and what NOTIFY tells in step. */
export function createValidity(options: ValidityOptions): Validity {
  const { local, shared, bus, onPurge } = options
  const debt = shared && createDebt(shared)

  async function apply(selection: TagSelection): Promise<void> {
    // All of it before the first wait: the next read must not believe what it finds.
    debt?.owe(selection)
    const bumped = local.bump(selection)
    if (selection === 'all') onPurge()
    await bumped
    await debt?.pay().catch(() => {}) // a read pays before it believes the store
  }

  const heard = bus?.listen(CHANNEL, {
    onMessage: (message) => void apply(fromMessage(message)).catch(() => {}), // it has caught all
    onUp: () => void apply('all').catch(() => {}),
  })

  async function readShared(tags: readonly string[]) {
    if (!shared) return undefined
    try {
      await debt?.pay()
      return await shared.read(tags)
    } catch {
      return undefined // counted by Redis itself
    }
  }

  async function read(tags: readonly string[]): Promise<View> {
    const own = local.readNow(tags)
    if (tags.length === 0) {
      const everybody = await readShared(tags)
      return { use: 'cached', version: own.version, sharedVersion: everybody?.version }
    }
    if (own.marked) return { use: 'alone', version: own.version, sharedVersion: undefined }
    if (heard?.state === 'down') return together(own.version)
    if (!shared) return { use: 'cached', version: own.version, sharedVersion: undefined }
    const state = await readShared(tags)
    if (!state) return together(local.readNow(tags).version)
    const { version, marked } = state
    return { use: marked ? 'alone' : 'cached', version, sharedVersion: version }
  }

  return {
    read,
    mark: (tags) => putMarks(tags, options, debt),
    get untagged() {
      return local.readNow([]).version
    },
    async purge(selection, db) {
      await apply(selection)
      if (bus && db) await announce(db, selection)
    },
    [Symbol.dispose]: () => heard?.close(),
  }
}

async function putMarks(
  tags: readonly string[],
  { local, shared, bus, clock, markTtlMs }: ValidityOptions,
  debt: Debt | undefined,
): Promise<Marks> {
  const own: Mark = { id: crypto.randomUUID(), ttlMs: markTtlMs }
  const markedAt = clock.now().getTime()
  const connection = shared?.connection
  await local.mark(tags, own)
  const isShared = await accepted(shared?.mark(tags, own))
  return {
    async announce(transaction) {
      if (bus && !isShared) await announce(transaction, tags)
    },
    get fresh() {
      const ageMs = clock.now().getTime() - markedAt
      return ageMs >= 0 && ageMs < markTtlMs / 2 && shared?.connection === connection
    },
    async clear() {
      if (shared && !(await accepted(shared.clear(tags, own)))) debt?.owe(tags)
      await local.clear(tags, own)
    },
  }
}

function together(version: string): View {
  return { use: 'together', version, sharedVersion: undefined }
}

/** Whether there is a store, and it took the change. */
async function accepted(change: Promise<void> | undefined): Promise<boolean> {
  if (!change) return false
  return change.then(
    () => true,
    () => false,
  )
}

async function announce(db: Db, selection: TagSelection): Promise<void> {
  const messages = toMessages(selection)
  await sql`select pg_notify(${CHANNEL}, message) from unnest(${messages}::text[]) as message`.execute(
    db,
  )
}
