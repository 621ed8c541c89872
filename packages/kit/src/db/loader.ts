import { isWithinTransaction } from '../platform/call-scope.ts'
import type { Db } from './database.ts'
import { createSharedStatement, type SharedStatement } from './shared-statement.ts'

/** Keys of one statement at most; more of them are several statements. */
const MAX_KEYS = 100

/** A row that says which key it answers. */
export interface AnsweringRow {
  /** The key's place among those that were asked for, from 1 on: SQL's `with ordinality`. */
  readonly position: bigint
}

/** Reads one row by its key; undefined where there is none. */
export type Load<Key, Row> = (db: Db, key: Key) => Promise<Omit<Row, 'position'> | undefined>

/**
 * Makes a function that reads one row out of one that reads many: what is asked for on the pool in
 * one turn of the event loop is one statement, whoever asks, be it the calls of a batch or requests
 * of different users. So whose a row is belongs into the key and into the SQL. Inside a transaction
 * each read is a statement of its own, which sees what that transaction has written.
 *
 * ```ts
 * export const findNote = createLoader((db, keys: readonly OwnNote[]) => {
 *   const asked = sql<{ note: string; owner: string; position: bigint }>`unnest(
 *     ${keys.map(({ id }) => id)}::uuid[], ${keys.map(({ ownerId }) => ownerId)}::text[]
 *   ) with ordinality`
 *   return db
 *     .selectFrom(asked.as<'asked'>(sql`asked (note, owner, position)`))
 *     .innerJoin('note', (join) =>
 *       join.onRef('note.id', '=', 'asked.note').onRef('note.owner_id', '=', 'asked.owner'),
 *     )
 *     .select(['asked.position', 'note.id', 'note.body'])
 *     .execute()
 * })
 *
 * const note = await findNote(ctx.db, { id, ownerId })
 * ```
 *
 * `loadMany` gives one row at most for a key, in any order; it is asked for up to 100 keys, no two of
 * them equal. Keys are plain data: JSON, dates and bigints. Each who asks may change the row that they
 * get, but not what lies within it: an array, a date or JSON is the same one for all who ask for the row.
 *
 * A call that leaves rejects at once; the statement is cancelled when all have left. A statement that
 * fails fails them all.
 */
export function createLoader<Key, Row extends AnsweringRow>(
  loadMany: (db: Db, keys: readonly Key[]) => Promise<readonly Row[]>,
): Load<Key, Row> {
  type Gathering = SharedStatement<Key, ReadonlyMap<string, Row>>
  // Of each pool its own, so that two apps in one process never meet.
  const gathering = new WeakMap<Db, Gathering>()

  function begin(db: Db): Gathering {
    const statement: Gathering = createSharedStatement(
      async (keys) => byName([...keys.keys()], await loadMany(db, [...keys.values()])),
      () => {
        if (gathering.get(db) === statement) gathering.delete(db)
      },
    )
    gathering.set(db, statement)
    return statement
  }

  return async (db, key) => {
    const name = nameOf(key)
    // What a transaction waits for must not wait for others, who may wait for that transaction.
    if (db.isTransaction || isWithinTransaction()) {
      return answerTo(name, byName([name], await loadMany(db, [key])))
    }
    const open = gathering.get(db)
    const hasRoom = open && (open.size < MAX_KEYS || open.has(name))
    return answerTo(name, await (hasRoom ? open : begin(db)).ask(name, key))
  }
}

function byName<Row extends AnsweringRow>(names: readonly string[], rows: readonly Row[]) {
  return new Map(rows.map((row) => [names[Number(row.position) - 1] ?? '', row]))
}

/** Each asker has a row object of their own; objects within it are those of all. */
function answerTo<Row extends AnsweringRow>(name: string, rows: ReadonlyMap<string, Row>) {
  const found = rows.get(name)
  if (!found) return undefined
  const { position: _, ...row } = found
  return row
}

/** Equal keys have equal names. The reverse would show one what another has asked for. */
function nameOf(key: unknown): string {
  return JSON.stringify(key, (_, part: unknown) =>
    typeof part === 'bigint' ? { bigint: String(part) } : part,
  )
}
