import { once } from 'node:events'
import { access, readdir } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { poll } from './poll.ts'
import { pidFileOf } from './postmaster.ts'
import { isAlive } from './process-life.ts'
import {
  ask,
  hold,
  holdElsewhere,
  makeFolder,
  removeFolder,
  serverLife,
} from './support.fixture.ts'

let root: string
/** Shared, because only the first start is slow. Every test leaves it without a server. */
let dir: string

beforeAll(async () => {
  root = await makeFolder()
  dir = join(root, 'shared')
})
afterAll(() => removeFolder(root, 'shared', 'raced'))

test('the server has the promised settings and takes further ones', async () => {
  const settings = { fsync: 'off', listen_addresses: '*' }
  const postgres = await hold(dir, { settings })
  expect(postgres.url).toMatch(/^postgres:\/\/postgres@127\.0\.0\.1:\d+\/tautline$/)
  expect(postgres).toMatchObject({ reused: false, dataDir: join(dir, 'data') })
  await access(join(dir, 'postgres.log'))

  const expected = {
    max_connections: '200',
    shared_buffers: '64MB',
    timezone: 'UTC',
    fsync: 'off',
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    server_encoding: 'UTF8',
    lc_collate: 'C',
  }
  const columns = Object.keys(expected)
    .filter((name) => name !== 'lc_collate')
    .map((name) => `current_setting('${name}') as ${name}`)
  const from = 'from pg_database where datname = current_database()'
  const rows = await ask(postgres.url, `select ${columns.join()}, datcollate as lc_collate ${from}`)
  expect(rows).toEqual([expected])
})

test('no other address of this machine reaches the server', async ({ skip }) => {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const address = all.find((one) => one.family === 'IPv4' && !one.internal)?.address
  if (address === undefined) return skip('this machine has no other address')
  const postgres = await hold(dir)
  const socket = connectSocket(Number(new URL(postgres.url).port), address)
  await expect(once(socket, 'connect')).rejects.toThrow('ECONNREFUSED')
})

test('a database is created in a server that runs already', async () => {
  await hold(dir)
  const second = await hold(dir, { database: 'Second-one' })
  const rows = await ask(second.url, 'select current_database() as name')
  expect(rows).toEqual([{ name: 'Second-one' }])
})

test('a database name that does not fit a URL is refused', async () => {
  await expect(hold(dir, { database: 'a/b' })).rejects.toThrow('Not a usable database name: a/b')
})

test('a second hold of one process reuses the server, and the last release stops it', async () => {
  const first = await hold(dir)
  const second = await hold(dir)
  expect(second).toMatchObject({ reused: true, url: first.url })
  const server = await serverLife(first.dataDir)

  await first.release()
  await first.release()
  expect(await isAlive(server)).toBe(true)

  await second.release()
  expect(await isAlive(server)).toBe(false)
  await expect(access(pidFileOf(first.dataDir))).rejects.toThrow('ENOENT')
})

test('a hold of another process keeps the server running', async () => {
  const other = await holdElsewhere(dir)
  const mine = await hold(dir)
  expect(mine).toMatchObject({ reused: true, url: other.url })
  const server = await serverLife(mine.dataDir)
  await mine.release()
  expect(await isAlive(server)).toBe(true)
  await other.release()
  expect(await isAlive(server)).toBe(false)
})

test('two processes that start at once end up on one server', async () => {
  const raced = join(root, 'raced')
  const [first, second] = await Promise.all([holdElsewhere(raced), holdElsewhere(raced)])
  expect(first.url).toBe(second.url)
  expect(first.reused).toBe(!second.reused)
  const server = await serverLife(first.dataDir)
  await Promise.all([first.release(), second.release()])
  expect(await isAlive(server)).toBe(false)
  expect(await readdir(join(raced, 'postgres.holders'))).toEqual([])
})

test('Ctrl-C in the terminal of the holder does not reach the server', async () => {
  const other = await holdElsewhere(dir)
  const server = await serverLife(other.dataDir)
  await other.signalGroup('SIGINT')
  const ended = await poll(async () => ((await isAlive(server)) ? undefined : 'ended'), 300)
  expect(ended).toBeUndefined()
  await (await hold(dir)).release()
})

test('a start that fails shows the log and leaves no hold behind', async () => {
  const failing = hold(dir, { settings: { shared_buffers: 'nonsense' } })
  await expect(failing).rejects.toThrow(/did not start[^]*invalid value for parameter.*nonsense/)
  expect(await readdir(join(dir, 'postgres.holders'))).toEqual([])
  await (await hold(dir)).release()
})
