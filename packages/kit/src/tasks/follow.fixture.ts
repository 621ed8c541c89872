import { libraryMigrations } from '../db/library-migrations.ts'
import { startNotifications } from '../db/notifications.ts'
import { openDatabase } from '../db/open.ts'
import { openPool } from '../db/pool.ts'
import { hangBell } from '../db/ring.ts'
import { createSharedDatabase } from '../db/shared-database.fixture.ts'
import { createLogger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import type { TaskEvent, TaskWatch } from '../task-types.ts'
import { appendEvent } from './events.ts'
import { openHoldingWay } from './follow-way.fixture.ts'
import { createTaskReaders, type TaskReaders } from './follow.ts'
import { taskMigrations } from './migrations.ts'

/** Never, as far as a test is concerned: what comes has been told by the doorbell. */
export const NEVER_MS = 1_000_000

/** Readers as one process has them, on a database of their own, and somebody who writes there. */
export async function openReaders(pollMs = NEVER_MS) {
  await using stack = new AsyncDisposableStack()
  const library = { ...libraryMigrations, ...taskMigrations }
  const { config, ask } = stack.use(await createSharedDatabase({ library, app: {} }))
  const log = createLogger('silent')
  const metrics = createMetrics()
  const way = stack.use(await openHoldingWay(config.url))
  const pool = openPool({ ...config, url: way.url, poolSize: 5 }, log)
  stack.defer(() => pool.end())
  const db = openDatabase(pool, config)
  const notifications = startNotifications(config, { log, metrics })
  stack.defer(() => notifications.stop())
  hangBell(db, notifications)
  const readers = createTaskReaders({ db, notifications, metrics, log, pollMs })
  stack.defer(() => readers.close())
  const running = stack.move()

  return {
    ...createWriter(ask),
    ask,
    db,
    readers,
    /** On which they read. What is told by the doorbell comes another way. */
    way,
    /** Resolves when all is heard that was told before. */
    async heard(): Promise<void> {
      const [up, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const ear = notifications.listen('probe', {
        onMessage: () => told.resolve(),
        onUp: up.resolve,
      })
      await up.promise
      await ask(`select pg_notify('probe', '')`)
      await told.promise
      ear.close()
    },
    gauges: () => metrics.snapshot().gauges,
    reads: () => metrics.snapshot().counters['task_feed_reads_total'] ?? 0,
    /** Adds events, all of them in one transaction each. */
    async emit(taskId: string, count = 1) {
      for (let n = 0; n < count; n++) {
        await appendEvent(db, { taskId, type: 'custom', data: { name: 'n', data: n } })
      }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export type Readers = Awaited<ReturnType<typeof openReaders>>

type Ask = (text: string) => Promise<Record<string, unknown>[]>

/** One connection has one statement at a time. */
function oneByOne(ask: Ask): Ask {
  let last: Promise<unknown> = Promise.resolve()
  return (text) => {
    const answer = last.then(() => ask(text))
    last = answer.catch(() => {})
    return answer
  }
}

/** Writes tasks as no worker does: at once. */
export function createWriter(askAtAnyTime: Ask) {
  const ask = oneByOne(askAtAnyTime)
  async function addTask({ owner = 'anna', events = 0 } = {}): Promise<string> {
    const [row] = await ask(`
        insert into tautline.task (name, owner, input, priority, state, last_seq)
        values ('t.t', '${owner}', '{}', 0, 'running', ${events}) returning id`)
    await ask(`
        insert into tautline.task_event (task_id, seq, attempt, type, data)
        select '${String(row?.['id'])}', n, 1, 'custom', '{"json":{"name":"n","data":0}}'
        from generate_series(1, ${events}) as n`)
    return String(row?.['id'])
  }

  return {
    /** A task with so many events. */
    addTask,
    async addTasks(count: number): Promise<string[]> {
      const rows = await ask(`
        insert into tautline.task (name, owner, input, priority, state)
        select 't.t', 'anna', '{}', 0, 'running' from generate_series(1, ${count}) returning id`)
      return rows.map(({ id }) => String(id))
    },
    /** Its last event. */
    finish: (id: string) => ask(change(id, 'dead', 'finished_at = now(), state')),
    redrive: (id: string) => ask(change(id, 'queued', 'finished_at = null, state')),
    remove: (id: string) => ask(`delete from tautline.task where id = '${id}'`),
    /** Adds an event that nobody is told of. */
    addInSilence: (id: string) =>
      ask(change(id, 'queued', 'state').replace(/, pg_notify.*$/s, ' from task')),
    /** Loses the connection that listens. */
    deafen: () =>
      ask(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and query ~* '^(listen|select$)'`),
  }
}

function change(id: string, state: string, set: string): string {
  const data = JSON.stringify({ json: state === 'dead' ? { error: 'It has failed.' } : {} })
  return `
    with task as (
      update tautline.task set last_seq = last_seq + 1, ${set} = '${state}'
      where id = '${id}' returning id, last_seq
    ), event as (
      insert into tautline.task_event (task_id, seq, attempt, type, data)
      select id, last_seq, 1, '${state}', '${data}' from task
    ) select last_seq, pg_notify('tautline_task', id::text) from task`
}

export interface WatcherOptions {
  readonly owner?: string
  readonly tasks: TaskWatch['tasks']
  /** How many events it takes before it leaves. */
  readonly count?: number
}

/** The numbers of the events of each task, as one watcher has got them. */
export async function numbersOf(readers: TaskReaders, options: WatcherOptions) {
  const { owner = 'anna', tasks, count = Infinity } = options
  const { signal } = new AbortController()
  const numbers = new Map<string, number[]>(tasks.map(({ id }) => [id, []]))
  let got = 0
  for await (const event of readers.watch({ owner, tasks, signal })) {
    numbers.get(event.taskId)?.push(event.seq)
    if (++got === count) break
  }
  return tasks.map(({ id }) => numbers.get(id) ?? [])
}

/** The rest of a watch. */
export async function all(watch: AsyncIterable<TaskEvent>): Promise<TaskEvent[]> {
  const events: TaskEvent[] = []
  for await (const event of watch) events.push(event)
  return events
}

/** 1 to n. */
export const upTo = (n: number, from = 1) =>
  Array.from({ length: n - from + 1 }, (_, i) => from + i)
