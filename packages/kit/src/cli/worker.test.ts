import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { expect, test, vi } from 'vitest'

import { app } from '../features/tasks/tasks-app.fixture.ts'
import { startTestServer } from '../testing/index.ts'
import { processEnvironment } from './process-environment.fixture.ts'
import { runWorker } from './worker.ts'

/** `tautline worker` as a process of its own. */
function startWorker(appPath: string, databaseUrl: string) {
  const [main, path] = ['./main.ts', appPath].map((file) =>
    fileURLToPath(new URL(file, import.meta.url)),
  )
  const child = spawn(
    process.execPath,
    ['--conditions=@tautline/source', main ?? '', 'worker', '--app', path ?? ''],
    {
      env: { ...processEnvironment(), DATABASE_URL: databaseUrl, TAUTLINE_DRAIN_TIMEOUT_MS: '500' },
    },
  )
  let said = ''
  child.stdout.on('data', (text: Buffer) => (said += text.toString()))
  child.stderr.on('data', (text: Buffer) => (said += text.toString()))
  const ended = once(child, 'exit').then(([code]: unknown[]) => code)
  return { child, ended, said: () => said }
}

test('tautline worker runs tasks, answers nobody, and ends when it is told to', async () => {
  await using server = await startTestServer(app, { worker: false })
  const anna = server.clientAs({ userId: 'anna' })
  const { id } = await anna.work.make.mutate({ note: 'x', pages: 7 })
  const worker = startWorker('../features/tasks/tasks-app.fixture.ts', server.databaseUrl)
  const task = () => anna.tasks.get.query({ id })
  await expect.poll(task, { timeout: 20_000 }).toMatchObject({ state: 'succeeded' })
  expect(await task()).toMatchObject({ output: { pages: 7, at: new Date(0) } })
  expect(worker.said()).toContain('working')
  expect(worker.said()).not.toContain('listening')
  worker.child.kill('SIGTERM')
  expect(await worker.ended).toBe(0)
})

test('a backend that has no tasks has nothing to work on', async () => {
  vi.stubEnv('DATABASE_URL', 'postgres://localhost/none')
  const path = fileURLToPath(new URL('../testing/press-app.fixture.ts', import.meta.url))
  await expect(runWorker(path)).rejects.toThrow('press has no tasks to work on.')
})
