import { sql } from 'kysely'

import type { Db } from '../db/database.ts'
import './tables.ts'

/** The time by the clock of the database. */
export async function readNow(db: Db): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select now()`.execute(db)
  const [row] = rows
  if (!row) throw new Error('The database does not tell the time.')
  return row.now
}

/** A schedule of a backend. */
export interface ScheduleRow {
  /** Of its task. */
  readonly name: string
  readonly spec: string
  readonly nextAt: Date | null
}

/** Notes a schedule, unless it was noted before and is the same. */
export async function putSchedule(db: Db, { name, spec, nextAt }: ScheduleRow): Promise<void> {
  await sql`
    insert into tautline.task_schedule (name, spec, next_at) values (${name}, ${spec}, ${nextAt})
    on conflict (name) do update set spec = excluded.spec, next_at = excluded.next_at
    where task_schedule.spec <> excluded.spec`.execute(db)
}

/** Names among these whose time has come. */
export async function findDue(db: Db, names: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from tautline.task_schedule
    where name = any(${names}::text[]) and next_at <= now()
    order by next_at`.execute(db)
  return rows.map(({ name }) => name)
}

/** Holds a schedule that is due, unless another process does; the time by the database's clock. */
export async function holdDue(
  db: Db,
  { name, spec }: Pick<ScheduleRow, 'name' | 'spec'>,
): Promise<Date | undefined> {
  const { rows } = await sql<{ now: Date }>`
    select now() from tautline.task_schedule
    where name = ${name} and spec = ${spec} and next_at <= now()
    for update skip locked`.execute(db)
  return rows[0]?.now
}

/** Says when a held schedule is due next; null: never. */
export async function setNext(db: Db, name: string, nextAt: Date | null): Promise<void> {
  await db
    .updateTable('tautline.task_schedule')
    .set({ next_at: nextAt })
    .where('name', '=', name)
    .execute()
}
