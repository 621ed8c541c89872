import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { openPeek, type Peek } from '../features/tasks/peek.fixture.ts'
import { app, doomed } from '../features/tasks/tasks-app.fixture.ts'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { openMigrated } from '../testing/migrated-database.ts'
import { app as press } from '../testing/press-app.fixture.ts'
import { processEnvironment } from './process-environment.fixture.ts'
import { runTasks } from './tasks.ts'

// Nobody works: a task is where the test puts it.
let server: TestServer<typeof app>
let peek: Peek
beforeAll(async () => {
  server = await startTestServer(app, { worker: false })
  peek = await openPeek(server)
})
afterAll(async () => {
  await peek[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const [main, appPath] = [
  fileURLToPath(new URL('./main.ts', import.meta.url)),
  fileURLToPath(new URL('../features/tasks/tasks-app.fixture.ts', import.meta.url)),
]

/** Runs `tautline tasks …` as a process of its own. */
function runCli(databaseUrl: string, words: readonly string[]) {
  const args = ['--conditions=@tautline/source', main, '--app', appPath, 'tasks', ...words]
  const env = { ...processEnvironment(), DATABASE_URL: databaseUrl }
  return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
  })
}

const tasks = (...words: string[]) => runCli(server.databaseUrl, words)

/** What the command has said of itself, having failed with nothing else. */
async function refusal(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await tasks(...words)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  return stderr.trimEnd()
}

/** A task of the backend itself, which no procedure shows anybody. */
async function ownerless(): Promise<string> {
  const { db, tasks: control } = server.app.resources
  const { id } = await control.accept(db, { task: doomed, input: { forGood: false }, owner: null })
  return id
}

/** Where a worker leaves one that was tried often enough. */
const die = (id: string) =>
  peek.sql(
    `with job as (delete from tautline_boss.job where data ->> 'taskId' = $1::text)
     update tautline.task set state = 'dead', finished_at = now(), attempt = 3, job_id = null,
       error = E'It did\\nnot work.' where id = $1::uuid`,
    [id],
  )

test('tasks list shows the dead ones of nobody, and tasks retry queues one anew', async () => {
  const id = await ownerless()
  await die(id)
  const { stdout } = await tasks('list', '--state', 'dead')
  const [head, ...lines] = stdout.split('\n')
  expect(head?.split(/ +/)).toEqual(
    ['id', 'name', 'owner', 'state', 'attempt', 'finished', 'error'], // prettier-ignore
  )
  const line = lines.find((text) => text.startsWith(id))
  expect(line).toMatch(/ work\.doomed +- +dead +3 +20\S+Z +It did not work\.$/)
  expect((await tasks('retry', id)).stdout).toBe(
    `work.doomed ${id} is queued, with all its tries\n`,
  )
  expect(await peek.task(id)).toMatchObject({ state: 'queued', owner: null, failures: 0 })
  expect(await peek.jobsOf(id)).toBe(1)
  expect((await tasks('list', '--state', 'dead')).stdout).not.toContain(id)
})

test('tasks list shows tasks of users, and not what is left of one who was deleted', async () => {
  const anna = server.clientAs({ userId: 'anna' })
  const [{ id }, { id: left }] = [
    await anna.work.make.mutate({ note: 'x' }),
    await anna.work.make.mutate({ note: 'y' }),
  ]
  await peek.sql(
    `update tautline.task set owner = null, state = 'cancelled', finished_at = '-infinity',
       input = '' where id = $1`,
    [left],
  )
  const { stdout } = await tasks('list')
  expect(stdout).toMatch(
    new RegExp(`^${id} +work\\.report +\\[null,null,"anna"\\] +queued +0 +- +-$`, 'm'),
  )
  expect(stdout).not.toContain(left)
  expect(await refusal('retry', left)).toBe(`There is no task ${left}.`)
  const { db, tasks: control } = server.app.resources
  expect(await control.redrive(db, { id: left, owner: null })).toEqual({ is: 'unknown' })
})

test('tasks cancel ends what waits, and tells what runs', async () => {
  const [waits, runs] = [await ownerless(), await ownerless()]
  await peek.sql(`update tautline.task set state = 'running', attempt = 1 where id = $1`, [runs])
  expect((await tasks('cancel', waits)).stdout).toBe(`work.doomed ${waits} is cancelled\n`)
  expect(await peek.task(waits)).toMatchObject({ state: 'cancelled' })
  expect((await tasks('cancel', runs)).stdout).toContain(`${runs} is told to end`)
  const { rows } = await peek.sql('select task_id from tautline.task_cancel')
  expect(rows).toEqual([{ task_id: runs }])
  expect(await refusal('cancel', waits)).toBe('This task has ended already: it is cancelled.')
})

test('a task of nobody is no user’s', async () => {
  const id = await ownerless()
  const { db, tasks: control } = server.app.resources
  const anna = { id, owner: JSON.stringify([null, null, 'anna']) }
  expect(await control.cancel(db, anna)).toEqual({ is: 'unknown' })
  await die(id)
  expect(await control.redrive(db, anna)).toEqual({ is: 'unknown' })
})

test('tasks says what is wrong, in one line', async () => {
  const [id, nobody] = [await ownerless(), randomUUID()]
  expect(await refusal('retry', id)).toMatch(/^This task is queued\. Only one that is failed, .*$/)
  expect(await refusal('cancel', nobody)).toBe(`There is no task ${nobody}.`)
  for (const [words, message, state] of [
    [[], /^Say what to do: .*$/],
    [['list', 'dead'], /^Say tautline tasks list, .*$/],
    [['list'], /^A task is queued, .*"deda" is none .*$/, 'deda'],
    [['retry'], /^Say which task: .*$/],
    [['retry', '12'], /^The id of a task is a UUID; "12" is none\.$/],
  ] as const) {
    await expect(runTasks(appPath, [...words], state)).rejects.toThrow(message)
  }
  await using other = await openMigrated(press)
  const { stderr } = await runCli(other.url, ['list'])
  expect(stderr).toBe('This database has no tasks yet; run tautline migrate up.\n')
})
