import { randomUUID } from 'node:crypto'

import { expect, onTestFinished } from 'vitest'
import { z } from 'zod'

import type { TaskState } from '@tautline/shared'

import { createAcceptor } from './accept.ts'
import type { Boss } from './boss.ts'
import { task, type Task, type TaskContext, type TaskDefinition } from './definition.ts'
import { fromText } from './wire-text.ts'
import { openTaskDatabase } from './worker-database.fixture.ts'
import { collectingLogger } from './worker-log.fixture.ts'
import { openTaskResources } from './worker-resources.fixture.ts'
import { startWorker, type Worker, type WorkerOptions } from './worker.ts'

/** A task as the database has it. */
export interface SeenTask {
  readonly state: TaskState
  readonly attempt: number
  readonly failures: number
  readonly output: unknown
  readonly error: string | null
  readonly progress_current: number | null
  readonly job_id: string | null
  readonly last_seq: number
}

/** What a process is given otherwise than usual. */
type Given = Partial<Pick<WorkerOptions, 'db' | 'onEnd'>>

/** A process that runs tasks. */
export interface TaskProcess {
  readonly boss: Boss
  readonly worker: Worker
}

const OWNER = JSON.stringify([null, null, 'anna'])

/** A database, and processes that run tasks on it. */
export async function openTaskWorld() {
  const { log, lines } = collectingLogger()
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await openTaskDatabase(log))
  const { ask } = database
  const db = database.open({ poolSize: 10 })
  const { resources, metrics } = stack.use(openTaskResources(log))
  const names = new Set<string>()
  const processes: TaskProcess[] = []
  const senders = new Map<string, Boss>()
  const running = stack.move()

  async function start(tasks: readonly Task[], given: Given = {}): Promise<TaskProcess> {
    for (const { name } of tasks) names.add(name)
    const boss = await database.startBoss(...tasks.map(({ name }) => name))
    const acceptor = createAcceptor({ boss, names, maxUnfinished: 1_000 })
    const worker = startWorker({ db, boss, tasks, resources, acceptor, graceMs: 100, ...given })
    running.defer(() => worker.stop({ timeoutMs: 0 }))
    processes.push({ boss, worker })
    return { boss, worker }
  }

  async function accept<I extends z.ZodType>(
    task: Task<string, I>,
    input: z.input<I>,
  ): Promise<string> {
    const boss = await (senders.get(task.name) ?? database.startBoss(task.name))
    senders.set(task.name, boss)
    const acceptor = createAcceptor({ boss, names: new Set([task.name]), maxUnfinished: 1_000 })
    const { id } = await acceptor.accept(db, { task, input, owner: OWNER })
    wake()
    return id
  }

  function wake(): void {
    for (const { worker } of processes) worker.wake()
  }

  async function see(id: string): Promise<SeenTask> {
    const [row] = await ask<Omit<SeenTask, 'output'> & { output: string | null }>(
      `select state, attempt, failures, output, error, progress_current, job_id, last_seq
       from tautline.task where id = '${id}'`,
    )
    if (!row) throw new Error('There is no such task.')
    return { ...row, output: row.output === null ? null : fromText(row.output) }
  }

  return {
    db,
    ask,
    log,
    lines,
    metrics,
    resources,
    database,
    owner: OWNER,
    start,
    accept,
    wake,
    see,
    /** The task once it is in this state. */
    async when(id: string, state: TaskState): Promise<SeenTask> {
      const options = { timeout: 10_000, interval: 20 }
      await expect
        .poll(async () => {
          wake()
          return (await see(id)).state
        }, options)
        .toBe(state)
      return see(id)
    },
    /** Its events, and that they are numbered from 1 without a gap. */
    async events(id: string) {
      const rows = await ask<{ seq: number; attempt: number; type: string; data: string }>(
        `select seq, attempt, type, data from tautline.task_event
         where task_id = '${id}' order by seq`,
      )
      expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1))
      expect((await see(id)).last_seq).toBe(rows.length)
      return rows.map(({ attempt, type, data }) => [attempt, type, fromText(data)])
    },
    /** The process that has a task was not heard of for longer than a lease, and others notice. */
    async expire(id: string): Promise<void> {
      await ask(
        `update tautline_boss.job set heartbeat_on = now() - interval '11 s'
         where data ->> 'taskId' = '${id}' and state = 'active'`,
      )
      await processes[0]?.boss.supervise()
      wake()
    },
    /** Somebody wants a task to end. */
    async wish(id: string): Promise<void> {
      await ask(`insert into tautline.task_cancel (task_id) values ('${id}')`)
      for (const { worker } of processes) worker.wishes(id)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export type TaskWorld = Awaited<ReturnType<typeof openTaskWorld>>

const Pages = z.strictObject({ pages: z.int() })
const events = { page: z.strictObject({ page: z.int() }) }
export type TestDefinition = TaskDefinition<string, typeof Pages, z.ZodUnknown, typeof events>
export type TestRun = TestDefinition['run']
export type TestContext = TaskContext<typeof events>

/** A task that no other test knows, of three pages, without pauses between its tries. */
export function testTask(run: TestRun, options: Partial<TestDefinition> = {}) {
  return task<string, typeof Pages, z.ZodUnknown, typeof events>({
    name: `test.${randomUUID()}`,
    summary: 'A test.',
    input: Pages,
    output: z.unknown(),
    events,
    retry: { limit: 2, baseMs: 1, capMs: 1 },
    ...options,
    run,
  })
}

/** Such a task was accepted, and a process runs it for as long as the test. */
export async function startTask(
  world: TaskWorld,
  run: TestRun,
  { db, onEnd, ...options }: Partial<TestDefinition> & Given = {},
) {
  const made = testTask(run, options)
  const process = await world.start([made], { ...(db && { db }), ...(onEnd && { onEnd }) })
  onTestFinished(() => process.worker.stop({ timeoutMs: 0 }))
  return { made, process, id: await world.accept(made, { pages: 3 }) }
}

/** Resolves when an attempt is told to end. */
export function untilAborted({ signal }: Pick<TaskContext, 'signal'>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) resolve()
  signal.addEventListener('abort', () => resolve())
  return promise
}

/** A promise that a test keeps. */
export function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}
