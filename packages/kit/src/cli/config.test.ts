import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

import { processEnvironment } from './process-environment.fixture.ts'

/** Runs `tautline config` as a process of its own, with this environment and no other. */
function config(environment: Record<string, string>) {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const args = ['--conditions=@tautline/source', main, 'config']
  const env = { ...processEnvironment(), ...environment }
  return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
  })
}

test('config prints the settings of a development that needs none', async () => {
  const { code, stdout } = await config({})
  expect(code).toBe(0)
  expect(stdout).toMatch(/^PORT +3000 +default$/m)
  expect(stdout).toMatch(/^DATABASE_URL +embedded Postgres +default of dev$/m)
})

test('config lists the mistakes and exits with 1 when there are any', async () => {
  const { code, stdout, stderr } = await config({
    NODE_ENV: 'production',
    PORT: 'http',
    TAUTLINE_SECRET: 'hunter2',
  })
  expect([code, stdout]).toEqual([1, ''])
  for (const name of ['PORT', 'DATABASE_URL', 'TAUTLINE_SECRET', 'TAUTLINE_HOSTS']) {
    expect(stderr).toContain(`- ${name}: `)
  }
  expect(stderr).not.toMatch(/hunter2|at .*\.ts/)
})
