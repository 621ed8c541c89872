import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { startAccounts, type Accounts } from '../features/auth/accounts.fixture.ts'
import { addRole } from '../features/auth/queries.ts'
import { processEnvironment } from './process-environment.fixture.ts'
import { runUser } from './user.ts'

let accounts: Accounts
beforeAll(async () => {
  accounts = await startAccounts()
})
afterAll(() => accounts[Symbol.asyncDispose]())

/** Runs `tautline user …` as a process of its own, with the database of the test. */
async function user(...words: string[]): Promise<{ stdout: string; stderr: string }> {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const run = promisify(execFile)(
    process.execPath,
    ['--conditions=@tautline/source', main, 'user', ...words],
    { env: { ...processEnvironment(), DATABASE_URL: accounts.server.databaseUrl } },
  )
  return run.catch((error: unknown) => {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : 'no output'
    return { stdout: '', stderr }
  })
}

test('user promote gives a role once, which counts with the next token; demote takes it', async () => {
  const { user: anna, refreshToken } = await accounts.register('anna@example.com')
  expect((await user('promote', 'Anna@example.com', 'admin')).stdout).toContain('has admin\n')
  expect(await addRole(accounts.db, anna.email, 'admin')).toEqual(['admin'])
  const [next] = await accounts.refresh(refreshToken)
  const caller = await accounts.as(next?.accessToken ?? '').probe.forAdmins.query()
  expect(caller.roles).toEqual(['admin'])
  await addRole(accounts.db, anna.email, 'editor')
  expect((await user('demote', anna.email, 'admin')).stdout).toContain('has editor\n')
})

test('user says what is wrong, in one line', async () => {
  expect((await user('promote', 'nobody@example.com', 'admin')).stderr).toBe(
    'No account has the address nobody@example.com.\n',
  )
  for (const words of [[], ['promote'], ['promote', 'a@b.c'], ['promote', 'a@b.c', 'No Role!']]) {
    await expect(runUser(words)).rejects.toThrow(/^(Say|A role).*$/)
  }
})
