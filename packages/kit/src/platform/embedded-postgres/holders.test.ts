import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'

import { addHolder, removeHolder } from './holders.ts'
import { isAlive, lifeOf } from './process-life.ts'
import { makeFolder, removeFolder } from './support.fixture.ts'

let folder: string

beforeEach(async () => {
  folder = await makeFolder()
})
afterEach(() => removeFolder(folder))

test('each hold of one process counts', async () => {
  const holders = join(folder, 'holders')
  const first = await addHolder(holders)
  const second = await addHolder(holders)
  expect(await removeHolder(holders, first)).toBe(1)
  expect(await removeHolder(holders, first)).toBe(1)
  expect(await removeHolder(holders, second)).toBe(0)
})

test('a holder that was killed is struck out', async () => {
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  const life = await lifeOf(child.pid ?? 0)
  await writeFile(join(folder, `${life}.a`), '')
  const mine = await addHolder(folder)
  expect(await removeHolder(folder, mine)).toBe(1)

  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  expect(await removeHolder(folder, mine)).toBe(0)
  expect(await readdir(folder)).toEqual([])
})

test('a recycled pid is not taken for a live holder', async () => {
  await writeFile(join(folder, `${process.pid}-1.a`), '')
  expect(await removeHolder(folder, 'none')).toBe(0)
})

test.runIf(process.platform === 'linux')('a process nobody reaps is not alive', async () => {
  // The shell becomes `sleep`, which never collects the child the shell had started.
  const parent = spawn('sh', ['-c', 'sleep 0.05 & echo $!; exec sleep 60'])
  onTestFinished(() => void parent.kill())
  const [line] = await once(parent.stdout, 'data')
  const pid = Number(line)
  const life = await lifeOf(pid)
  expect(await isAlive(String(life))).toBe(true)
  await expect.poll(() => isAlive(String(life))).toBe(false)
  expect(process.kill(pid, 0)).toBe(true)
})
