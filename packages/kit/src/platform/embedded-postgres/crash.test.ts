import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { poll } from './poll.ts'
import { pidFileOf, stopServer } from './postmaster.ts'
import { isAlive } from './process-life.ts'
import { findRunUser, spawnAs } from './run-user.ts'
import {
  ask,
  connect,
  endGroup,
  hold,
  holdElsewhere,
  makeFolder,
  pidLines,
  removeFolder,
  serverLife,
  startHolder,
} from './support.fixture.ts'

let root: string
/** Shared, because only the first start is slow. Every test leaves it without a server. */
let dir: string

beforeAll(async () => {
  root = await makeFolder()
  dir = join(root, 'shared')
})
afterAll(() => removeFolder(root, 'shared', 'other', 'half'))

test('a server whose holder was killed is reused, and the killed one no longer counts', async () => {
  const other = await holdElsewhere(dir)
  const server = await serverLife(other.dataDir)
  await other.signalGroup('SIGKILL')
  expect(await isAlive(server)).toBe(true)

  const mine = await hold(dir)
  expect(mine).toMatchObject({ reused: true, url: other.url })
  await mine.release()
  expect(await isAlive(server)).toBe(false)
})

test('a start after kill -9 of everything keeps every acknowledged row', async () => {
  const other = await holdElsewhere(dir)
  await ask(other.url, 'create table kept (id int primary key)')
  const acknowledged: number[] = []
  const writers = [0, 1, 2, 3].map((writer) => insertUntilCut(other.url, writer, acknowledged))
  await poll(async () => acknowledged.length > 200 || undefined, 10_000)

  process.kill(Number((await pidLines(other.dataDir))[0]), 'SIGKILL')
  await other.signalGroup('SIGKILL')
  await Promise.all(writers)

  const mine = await hold(dir)
  expect(mine.reused).toBe(false)
  const rows = await ask(mine.url, 'select id from kept')
  const kept = new Set(rows.map((row) => row['id']))
  expect(acknowledged.length).toBeGreaterThan(200)
  expect(acknowledged.filter((id) => !kept.has(id))).toEqual([])
})

test('a start waits for sessions that outlive their killed server', async () => {
  const first = await hold(dir)
  const session = await connect(first.url)
  const { rows } = await session.query<{ pid: number }>('select pg_backend_pid() as pid')
  const pid = rows[0]?.pid ?? 0
  // A stopped session cannot notice that its server is gone, and still maps its memory.
  process.kill(pid, 'SIGSTOP')
  process.kill(Number((await pidLines(first.dataDir))[0]), 'SIGKILL')

  const starting = hold(dir)
  const early = new Promise((resolve) => setTimeout(resolve, 500, 'still waiting'))
  expect(await Promise.race([starting, early])).toBe('still waiting')
  process.kill(pid, 'SIGCONT')
  expect(await starting).toMatchObject({ reused: false })
})

test('a recorded pid that now belongs to another process does not hinder the start', async () => {
  const first = await hold(dir)
  const lines = await pidLines(first.dataDir)
  await first.release()
  // Of the same user, or Postgres itself would see that it cannot be its predecessor.
  const bystander = spawn('sleep', ['60'], { ...spawnAs(findRunUser()), stdio: 'ignore' })
  await once(bystander, 'spawn')
  await writePidFile(first.dataDir, lines.with(0, String(bystander.pid)))

  const mine = await hold(dir)
  expect(mine.reused).toBe(false)
  await mine.release()
  expect(bystander.exitCode ?? bystander.signalCode).toBe(null)
  bystander.kill()
})

test('a server that does not answer yet is waited for', async () => {
  const first = await hold(dir)
  const lines = await pidLines(first.dataDir)
  // As early in its start: the process runs, and its port is closed. Nobody listens on port 1.
  await writePidFile(first.dataDir, lines.with(3, '1'))
  const waiting = hold(dir)
  const early = new Promise((resolve) => setTimeout(resolve, 300, 'still waiting'))
  expect(await Promise.race([waiting, early])).toBe('still waiting')
  await writePidFile(first.dataDir, lines)

  const second = await waiting
  expect(second).toMatchObject({ reused: true, url: first.url })
})

test('the server of another folder at the recorded place is neither reused nor stopped', async () => {
  await (await hold(dir)).release()
  const other = await hold(join(root, 'other'))
  const server = await serverLife(other.dataDir)
  await writePidFile(join(dir, 'data'), await pidLines(other.dataDir))

  await stopServer(join(dir, 'data'))
  const mine = await hold(dir)
  expect(mine.reused).toBe(false)
  expect(mine.url).not.toBe(other.url)
  await mine.release()
  expect(await isAlive(server)).toBe(true)
})

test('a killed initdb leaves nothing that the next start trusts', async () => {
  const half = join(root, 'half')
  const child = startHolder(half)
  const draft = await poll(async () => {
    const names = await readdir(half).catch(() => [])
    const name = names.find((one) => one.startsWith('data.init-'))
    if (name === undefined) return undefined
    const inside = await readdir(join(half, name))
    return inside.includes('PG_VERSION') ? name : undefined
  }, 10_000)
  await endGroup(child, 'SIGKILL')
  const left = await readdir(half)
  expect(left).toContain(draft)
  expect(left).not.toContain('data')

  const mine = await hold(half)
  expect(await ask(mine.url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect((await readdir(half)).filter((name) => name.includes('init'))).toEqual([])
})

/** In one step: a reader must not see an empty file. */
async function writePidFile(dataDir: string, lines: string[]): Promise<void> {
  const draft = `${pidFileOf(dataDir)}.draft`
  await writeFile(draft, lines.join('\n'))
  await rename(draft, pidFileOf(dataDir))
}

async function insertUntilCut(url: string, writer: number, acknowledged: number[]): Promise<void> {
  const client = await connect(url)
  for (let id = writer; ; id += 4) {
    const done = await client.query('insert into kept values ($1)', [id]).catch(() => undefined)
    if (done === undefined) return
    acknowledged.push(id)
  }
}
