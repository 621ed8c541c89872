import { expect, test } from 'vitest'

import { createWaitingLine } from './waiting-line.ts'

test('calls up in the order of coming, and each only once', async () => {
  const line = createWaitingLine()
  const came: string[] = []
  const waits = ['a', 'b', 'c'].map(async (name) => {
    await line.join({})
    came.push(name)
  })
  expect(line.length).toBe(3)
  while (line.end('called'));
  expect(line.length).toBe(0)
  await Promise.all(waits)
  expect(came).toEqual(['a', 'b', 'c'])
  expect(line.end('called')).toBe(false)
})

test('one who gives up leaves its place in the line to the next', async () => {
  const line = createWaitingLine()
  const leaving = new AbortController()
  const first = line.join({ signal: leaving.signal, size: 5 })
  const second = line.join({ size: 2 })
  expect([line.firstSize, line.size]).toEqual([5, 7])
  leaving.abort(new Error('left'))
  await expect(first).rejects.toThrow('left')
  expect([line.firstSize, line.size, line.length]).toEqual([2, 2, 1])
  line.end('called')
  expect(await second).toBe('called')
  expect([line.firstSize, line.size]).toEqual([undefined, 0])
})

test('one who was called keeps its place when its signal aborts a moment later', async () => {
  const line = createWaitingLine()
  const leaving = new AbortController()
  const wait = line.join({ signal: leaving.signal })
  line.end('called')
  leaving.abort(new Error('too late'))
  expect(await wait).toBe('called')
})

test('a wait ends by itself when its time is up, and at once when nobody waits for it any more', async () => {
  const line = createWaitingLine()
  expect(await line.join({ timeoutMs: 5 })).toBe('expired')
  const gone = AbortSignal.abort(new Error('gone'))
  await expect(line.join({ signal: gone })).rejects.toThrow('gone')
  expect(line.length).toBe(0)
})

test('one who is sent away is told so', async () => {
  const line = createWaitingLine()
  const wait = line.join({ timeoutMs: 10_000 })
  expect(line.end('dismissed')).toBe(true)
  expect(await wait).toBe('dismissed')
})
