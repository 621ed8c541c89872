import { afterAll, beforeAll, expect, test } from 'vitest'

import { openTwoAcceptors, report, type TwoAcceptors } from './accept.fixture.ts'
import { deleteOutdated } from './retention.ts'

const DAY_MS = 24 * 60 * 60_000

let two: TwoAcceptors
beforeAll(async () => {
  two = await openTwoAcceptors()
})
afterAll(() => two[Symbol.asyncDispose]())

/** A task that ended that many days ago, or has not, with as many events and steps. */
async function make(endedDaysAgo: number | undefined, rows = 1): Promise<string> {
  const wish = { task: report, input: { pages: 1 }, owner: null }
  const { id } = await two.acceptor.accept(two.one, wish)
  await two.ask(`
    insert into tautline.task_event (task_id, seq, attempt, type, data)
    select '${id}', seq, 1, 'progress', '{}' from generate_series(2, ${rows}) as seq`)
  await two.ask(`
    insert into tautline.task_step (task_id, key, state, attempt)
    select '${id}', key, 'done', 1 from generate_series(1, ${rows}) as key`)
  if (endedDaysAgo === undefined) return id
  await two.ask(`
    update tautline.task
    set state = 'succeeded', finished_at = now() - interval '${endedDaysAgo} days'
    where id = '${id}'`)
  return id
}

const idsOf = async (table: string) =>
  (
    await two.ask<{ id: string }>(
      `select distinct ${table} as id from tautline.${table.split('.')[0]}`,
    )
  )
    .map(({ id }) => id)
    .sort()

test('what ended too long ago goes with all of it, however much that is, and nothing else', async () => {
  const [fresh, open] = [await make(29), await make(undefined)]
  const old = [await make(31, 2_500), await make(31)]
  await deleteOutdated(two.one, 30 * DAY_MS, new AbortController().signal)
  const left = [fresh, open].sort()
  for (const table of ['task.id', 'task_event.task_id', 'task_step.task_id']) {
    expect(await idsOf(table)).toEqual(left)
  }
  expect(old).toHaveLength(2)
})

test('no transaction of it deletes more than a thousand rows, the first event before the others', async () => {
  const id = await make(31, 2_500)
  await two.ask(`
    create table deleted (at xid8, seq integer);
    create function note_deleted() returns trigger language plpgsql as $$ begin
      insert into deleted values (pg_current_xact_id(), old.seq); return old;
    end $$;
    create trigger note_deleted before delete on tautline.task_event
    for each row execute function note_deleted()`)
  await deleteOutdated(two.one, 30 * DAY_MS, new AbortController().signal)
  expect(await two.taskOf(id)).toBeUndefined()
  const parts = await two.ask(`
    select count(*)::int as rows, min(seq) as first from deleted group by at order by at`)
  expect(parts).toEqual([
    { rows: 1_000, first: 1 },
    { rows: 1_000, first: 1_001 },
    { rows: 500, first: 2_001 },
  ])
})
