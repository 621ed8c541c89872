import { readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { withLock } from './lock.ts'
import { ownerToken } from './process-life.ts'
import { makeFolder, removeFolder } from './support.fixture.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await makeFolder()
  file = join(folder, 'lock')
})
afterEach(() => removeFolder(folder))

/** No process has this pid with this start time: the owner is dead and its pid recycled. */
const deadOwner = `${process.pid}-1.a`

/** How many of `count` calls were ever at work together. */
async function mostAtOnce(count: number): Promise<number> {
  let [now, most, done] = [0, 0, 0]
  const work = async () => {
    most = Math.max(most, (now += 1))
    await sleep(2)
    now -= 1
    done += 1
  }
  await Promise.all(Array.from({ length: count }, () => withLock(file, work)))
  expect(done).toBe(count)
  return most
}

test('only one call works at a time', async () => {
  expect(await mostAtOnce(20)).toBe(1)
  expect(await readdir(folder)).toEqual([])
})

test('the lock of a dead owner is broken, by one of many', async () => {
  // Many rounds: the wrong order of two steps shows only now and then.
  for (let round = 0; round < 30; round += 1) {
    await symlink(deadOwner, file)
    expect(await mostAtOnce(4)).toBe(1)
  }
  expect(await readdir(folder)).toEqual([])
})

test('the lock of a dead owner is left to the one that is breaking it already', async () => {
  await symlink(deadOwner, file)
  await symlink(await ownerToken(), `${file}.breaker`)
  await expect(withLock(file, async () => 'never', 50)).rejects.toThrow('still held')
  expect(await readdir(folder)).toEqual(['lock', 'lock.breaker'])
})

test('the lock of an owner that died while it broke another lock is broken too', async () => {
  await symlink(deadOwner, file)
  await symlink(deadOwner, `${file}.breaker`)
  expect(await mostAtOnce(5)).toBe(1)
  expect(await readdir(folder)).toEqual([])
})

test('the wait for a live owner ends with an error that names it', async () => {
  await withLock(file, async () => {
    const rival = withLock(file, async () => 'never', 50)
    await expect(rival).rejects.toThrow(`lock is still held after 50 ms (process ${process.pid})`)
  })
  expect(await withLock(file, async () => 'free', 50)).toBe('free')
})

test('a file that is no lock of ours is left alone', async () => {
  await writeFile(file, 'precious')
  await expect(withLock(file, async () => 'never', 50)).rejects.toThrow('process unknown')
  expect(await readdir(folder)).toEqual(['lock'])
})

test('work that fails gives the lock back and its error on', async () => {
  const failing = withLock(file, () => Promise.reject(new Error('broken')))
  await expect(failing).rejects.toThrow('broken')
  expect(await readdir(folder)).toEqual([])
})
