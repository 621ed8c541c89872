import { describe, expect, test } from 'vitest'

import { createSharedSlot, createSlots } from './slots.ts'

const open = (max: number) => {
  const slots = createSlots(max)
  return { slots, first: createSharedSlot(slots), second: createSharedSlot(slots) }
}

describe('a slot that is shared', () => {
  test('is one, for as long as any part of its work holds it', async () => {
    const { slots, first } = open(1)
    await Promise.all([first.take(undefined), first.take(undefined)])
    await first.take(undefined)
    expect(slots.held).toBe(1)
    first.give()
    first.give()
    expect(slots.held).toBe(1)
    first.give()
    expect(slots.held).toBe(0)
  })

  test('is waited for by all parts of other work, and by one of them in the line', async () => {
    const { slots, first, second } = open(1)
    await first.take(undefined)
    const both = Promise.all([second.take(undefined), second.take(undefined)])
    await expect.poll(() => slots.waiting).toBe(1)
    first.give()
    await both
    expect(slots).toMatchObject({ held: 1, waiting: 0 })
  })

  test('is waited for by the others when the one that asked first has left', async () => {
    const { slots, first, second } = open(1)
    await first.take(undefined)
    const leaving = new AbortController()
    const asked = [second.take(leaving.signal), second.take(undefined)]
    leaving.abort(new Error('gone'))
    await expect(asked[0]).rejects.toThrow('gone')
    first.give()
    await asked[1]
    second.give()
    expect(slots).toMatchObject({ held: 0, waiting: 0 })
  })

  test('is not had by what has left by then', async () => {
    const { slots, first } = open(1)
    await first.take(undefined)
    await expect(first.take(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
    first.give()
    expect(slots.held).toBe(0)
  })
})
