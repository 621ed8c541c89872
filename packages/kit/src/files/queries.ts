import { sql, type ExpressionBuilder, type Insertable, type RawBuilder } from 'kysely'

import type { Database, Db } from '../db/database.ts'
import { isOneOf, type Owners } from '../db/owners.ts'
import type { FileRules } from '../file-types.ts'
import type { FileTable } from './tables.ts'

/** What is shown of one. */
const columns = [
  'id',
  'name',
  'content_type as contentType',
  'size',
  'sha256',
  'created_at as createdAt',
] as const

const stored = [...columns, 'storage_key as storageKey'] as const

/** How long bytes may belong to no file, once more of them have come. */
const UNCLAIMED = sql<Date>`now() + interval '1 hour'`

/** When bytes that could not be removed are tried again. */
const AGAIN = sql<Date>`now() + interval '1 minute'`

/** Whose files; null are the backend's own. */
type Owner = string | null

const isOwn = (owner: Owner) => (build: ExpressionBuilder<Database, 'tautline.file'>) =>
  owner === null ? build('owner', 'is', null) : build('owner', '=', owner)

export function findFile(db: Db, owner: Owner, id: string) {
  return db
    .selectFrom('tautline.file')
    .select(stored)
    .where('id', '=', id)
    .where(isOwn(owner))
    .executeTakeFirst()
}

/** The file that was made with an upload key. */
export function findFileByKey(db: Db, owner: Owner, uploadKey: string) {
  return db
    .selectFrom('tautline.file')
    .select(stored)
    .where(isOwn(owner))
    .where('upload_key', '=', uploadKey)
    .executeTakeFirst()
}

/** The file that was made of stored bytes. */
export function findFileOfBytes(db: Db, storageKey: string) {
  return db
    .selectFrom('tautline.file')
    .select(stored)
    .where('storage_key', '=', storageKey)
    .executeTakeFirst()
}

/** Sort keys of a file, as text: a JavaScript date would cut Postgres' microseconds. */
interface FilePosition {
  readonly createdAt: string
  readonly id: string
}

/** Newest first; one more than `limit`, which tells whether another page follows. */
export function listFiles(
  db: Db,
  owner: Owner,
  { after, limit }: { readonly after: FilePosition | undefined; readonly limit: number },
) {
  return db
    .selectFrom('tautline.file')
    .select([...columns, sql<string>`created_at::text`.as('position')])
    .where(isOwn(owner))
    .$if(after !== undefined, (query) =>
      query.where(
        sql<boolean>`(created_at, id) < (${after?.createdAt}::timestamptz, ${after?.id}::uuid)`,
      ),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute()
}

/** Violates `file_upload_key` when the owner has a file with this key. */
export function insertFile(db: Db, file: Insertable<FileTable>) {
  return db.insertInto('tautline.file').values(file).returning(stored).executeTakeFirstOrThrow()
}

/** What the files of an owner take; undefined before the first. */
export function findUsage(db: Db, owner: string) {
  return db
    .selectFrom('tautline.file_usage')
    .select(['files', 'bytes'])
    .where('owner', '=', owner)
    .executeTakeFirst()
}

/**
 * Counts one more file, where it fits; says whether it does. Whoever counts for the same owner waits
 * until the transaction has ended, so that no two take the same room.
 */
export async function countFile(
  db: Db,
  { owner, size }: { readonly owner: string; readonly size: number },
  { quotaBytes, maxFiles }: Pick<FileRules, 'quotaBytes' | 'maxFiles'>,
): Promise<boolean> {
  if (size > quotaBytes) return false
  const { rows } = await sql`
    insert into tautline.file_usage as usage (owner, files, bytes)
    values (${owner}, 1, ${size})
    on conflict (owner) do update
      set files = usage.files + 1, bytes = usage.bytes + excluded.bytes
      where usage.files < ${maxFiles} and usage.bytes + excluded.bytes <= ${quotaBytes}
    returning owner`.execute(db)
  return rows.length > 0
}

/** Deletes a file, and gives its bytes up. Says whether it was there. */
export async function deleteFile(db: Db, owner: Owner, id: string): Promise<boolean> {
  const isIt = sql`id = ${id} and owner is not distinct from ${owner}`
  return (await deleteWhere(db, sql`owner = ${owner}`, isIt)) > 0
}

/** Deletes some files of an owner, and gives their bytes up. Returns how many. */
export function deleteSomeFiles(db: Db, owner: Owners, limit: number): Promise<number> {
  const isOwn = isOneOf(owner)
  const isOfThem = sql`id in (select id from tautline.file where ${isOwn} limit ${limit})`
  return deleteWhere(db, isOwn, isOfThem)
}

/** Takes the rows of the quotas before those of the files, as whoever makes a file does. */
async function deleteWhere(
  db: Db,
  isOwner: RawBuilder<unknown>,
  condition: RawBuilder<unknown>,
): Promise<number> {
  const { rows } = await sql<{ deleted: number }>`
    with held as (
      select owner from tautline.file_usage where ${isOwner} order by owner for update
    ), gone as (
      delete from tautline.file where ${condition} and (select count(*) from held) >= 0
      returning owner, size, storage_key
    ), given as (
      insert into tautline.file_unclaimed (storage_key, remove_after)
      select storage_key, now() from gone
    ), counted as (
      update tautline.file_usage usage
      set files = usage.files - less.files, bytes = usage.bytes - less.bytes
      from (
        select owner, count(*)::int as files, sum(size)::bigint as bytes from gone group by owner
      ) less
      where usage.owner = less.owner
    )
    select count(*)::int as deleted from gone`.execute(db)
  return rows[0]?.deleted ?? 0
}

/** Forgets an owner who has no files. */
export async function deleteUsage(db: Db, owner: Owners): Promise<void> {
  await db.deleteFrom('tautline.file_usage').where(isOneOf(owner)).where('files', '=', 0).execute()
}

/** Tells that bytes will be stored, of which there is no file yet. */
export async function insertUnclaimed(db: Db, storageKey: string): Promise<void> {
  await db
    .insertInto('tautline.file_unclaimed')
    .values({ storage_key: storageKey, remove_after: UNCLAIMED })
    .execute()
}

/** Tells that they are still coming. */
export async function extendUnclaimed(db: Db, storageKey: string): Promise<void> {
  await db
    .updateTable('tautline.file_unclaimed')
    .set({ remove_after: UNCLAIMED })
    .where('storage_key', '=', storageKey)
    .where('doomed', '=', false)
    .execute()
}

/** Takes them for a file, or says that they are not there to be had. */
export async function claim(db: Db, storageKey: string): Promise<boolean> {
  const claimed = await db
    .deleteFrom('tautline.file_unclaimed')
    .where('storage_key', '=', storageKey)
    .where('doomed', '=', false)
    .returning('storage_key')
    .executeTakeFirst()
  return claimed !== undefined
}

/** Takes them in order to remove them, or says that they belong to a file. */
export async function doom(db: Db, storageKey: string): Promise<boolean> {
  const doomed = await db
    .updateTable('tautline.file_unclaimed')
    .set({ doomed: true, remove_after: AGAIN })
    .where('storage_key', '=', storageKey)
    .returning('storage_key')
    .executeTakeFirst()
  return doomed !== undefined
}

/** The same for some whose time is over. From this commit on no file can be made of them. */
export async function doomOverdue(db: Db, limit: number): Promise<string[]> {
  const doomed = await db
    .updateTable('tautline.file_unclaimed')
    .set({ doomed: true, remove_after: AGAIN })
    .where('storage_key', 'in', (overdue) =>
      overdue
        .selectFrom('tautline.file_unclaimed')
        .select('storage_key')
        .where('remove_after', '<=', sql<Date>`now()`)
        .orderBy('remove_after')
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .returning('storage_key')
    .execute()
  return doomed.map((row) => row.storage_key)
}

/** Forgets bytes that are gone. */
export async function deleteUnclaimed(db: Db, storageKeys: readonly string[]): Promise<void> {
  await db
    .deleteFrom('tautline.file_unclaimed')
    .where('storage_key', '=', sql<string>`any(${storageKeys}::text[])`)
    .where('doomed', '=', true)
    .execute()
}
