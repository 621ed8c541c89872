import { readdir, readFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import { createPasswordHasher } from './password-hasher.ts'

const { signal } = new AbortController()

/** Sends so many jobs from one address at once; the outcomes of those that were refused at once. */
function send(hasher: ReturnType<typeof createPasswordHasher>, address: string, times: number) {
  return Array.from({ length: times }, () =>
    hasher.verify('wrong password', undefined, { signal, address }).then(
      () => 'checked',
      (error: unknown) => (error instanceof Error && 'reason' in error ? error.reason : error),
    ),
  )
}

test('a burst from a few addresses leaves places for all others', async () => {
  const hasher = createPasswordHasher()
  const burst = Array.from({ length: 100 }, (_, n) => send(hasher, `192.0.2.${n % 4}`, 1)).flat()
  const others = ['a', 'b', 'c'].flatMap((address) => send(hasher, address, 1))
  expect(hasher.waiting).toBeLessThanOrEqual(20)
  expect(await Promise.all(others)).toEqual(['checked', 'checked', 'checked'])
  const outcomes = await Promise.all(burst)
  expect(new Set(outcomes)).toEqual(new Set(['checked', 'OVERLOADED']))
})

test('addresses of any number never make more than twenty wait', async () => {
  const hasher = createPasswordHasher()
  const jobs = Array.from({ length: 60 }, (_, n) => send(hasher, `192.0.2.${n}`, 2)).flat()
  expect(hasher.waiting).toBe(20)
  const outcomes = await Promise.all(jobs)
  expect(outcomes.filter((outcome) => outcome === 'OVERLOADED').length).toBeGreaterThan(90)
  expect(await Promise.all(send(hasher, '192.0.2.1', 3))).toEqual(Array(3).fill('checked'))
})

test('a caller who leaves is told at once and keeps the place until the work is done', async () => {
  const hasher = createPasswordHasher()
  const leaving = new AbortController()
  const caller = { signal: leaving.signal, address: 'a' }
  const left = Array.from({ length: 6 }, () => hasher.hash('some password', caller))
  const gone = new Error('the caller has gone')
  leaving.abort(gone)
  const outcomes = await Promise.allSettled(left)
  expect(outcomes).toEqual(Array(6).fill({ status: 'rejected', reason: gone }))
  expect(hasher.waiting).toBeGreaterThan(0)
  await expect(Promise.all(send(hasher, 'a', 3))).resolves.toContain('OVERLOADED')
  await expect.poll(() => hasher.waiting).toBe(0)
})

test.runIf(process.platform === 'linux')('gives way to the thread that answers', async () => {
  const hasher = createPasswordHasher()
  const before = await niceThreads()
  await hasher.hash('some password', { signal, address: 'a' })
  expect(await niceThreads()).toBeGreaterThan(before)
})

/** How many threads of this process leave the core to its first one, where both want it. */
async function niceThreads(): Promise<number> {
  const threads = await readdir('/proc/self/task')
  const levels = await Promise.all(
    threads.map(async (id) => niceOf(await readFile(`/proc/self/task/${id}/stat`, 'utf8'))),
  )
  const own = niceOf(await readFile(`/proc/self/task/${process.pid}/stat`, 'utf8'))
  return levels.filter((level) => level > own).length
}

/** The nineteenth field of proc(5)'s `stat`; the second one may have spaces in it. */
function niceOf(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
}
