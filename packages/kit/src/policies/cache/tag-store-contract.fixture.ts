import { describe, expect, test } from 'vitest'

import type { Mark, TagStore } from './tag-store.ts'

/** Opens two handles of the same tags, as two processes have them; for memory they are one. */
export type OpenTagStores = () => Promise<
  AsyncDisposable & { readonly stores: readonly [TagStore, TagStore] }
>

const mark = (ttlMs = 60_000): Mark => ({ id: crypto.randomUUID(), ttlMs })

/** What every store of tags keeps. */
export function testTagStore(name: string, open: OpenTagStores): void {
  describe(`the tags in ${name}`, () => {
    test('keep their version while nobody changes them', async () => {
      await using opened = await open()
      const [here, there] = opened.stores
      const first = await here.read(['a', 'b'])
      expect(first.marked).toBe(false)
      expect(await there.read(['a', 'b'])).toEqual(first)
      expect((await there.read(['a'])).version).not.toBe(first.version)
    })

    test('have another version after each bump, and others keep theirs', async () => {
      await using opened = await open()
      const [here, there] = opened.stores
      const others = await here.read(['c'])
      const seen = new Set<string>()
      for (let turn = 0; turn < 5; turn++) {
        seen.add((await here.read(['a', 'b'])).version)
        await there.bump(['b'])
      }
      expect(seen.size).toBe(5)
      expect(await here.read(['c'])).toEqual(others)
    })

    test('all have another version after a bump of everything, also none at all', async () => {
      await using opened = await open()
      const [here, there] = opened.stores
      const before = [await here.read([]), await here.read(['a'])]
      await there.bump('all')
      const after = [await here.read([]), await here.read(['a'])]
      expect(after[0]?.version).not.toBe(before[0]?.version)
      expect(after[1]?.version).not.toBe(before[1]?.version)
    })

    test('have another version at the mark, and again when it is cleared', async () => {
      await using opened = await open()
      const [here, there] = opened.stores
      const own = mark()
      const before = await here.read(['a'])
      await there.mark(['a'], own)
      const during = await here.read(['a'])
      await there.clear(['a'], own)
      const after = await here.read(['a'])
      expect([before.marked, during.marked, after.marked]).toEqual([false, true, false])
      expect(new Set([before.version, during.version, after.version]).size).toBe(3)
    })

    test('are marked until the last of several marks is cleared', async () => {
      await using opened = await open()
      const [here, there] = opened.stores
      const [one, other] = [mark(), mark()]
      await here.mark(['a', 'b'], one)
      await there.mark(['a'], other)
      await here.clear(['a', 'b'], one)
      expect((await here.read(['b'])).marked).toBe(false)
      expect((await here.read(['a'])).marked).toBe(true)
      await here.bump(['a'])
      expect((await here.read(['a'])).marked).toBe(true)
      await there.clear(['a'], other)
      await there.clear(['a'], other)
      expect((await here.read(['a'])).marked).toBe(false)
    })

    test('lose a mark that nobody clears, although others mark again and again', async () => {
      await using opened = await open()
      const [here, there] = opened.stores
      await here.mark(['a'], mark(30)) // its owner dies
      await expect
        .poll(async () => {
          const own = mark()
          await there.mark(['a'], own)
          await there.clear(['a'], own)
          return (await here.read(['a'])).marked
        })
        .toBe(false)
    })

    test('have another version for everybody who asks after a bump, however many ask at once', async () => {
      await using opened = await open()
      const [here, there] = opened.stores
      const asked = Array.from({ length: 50 }, (_, index) => here.read(['a', `tag:${index}`]))
      const told = await Promise.all(asked)
      await there.bump(['a'])
      const again = await Promise.all(told.map((_, index) => here.read(['a', `tag:${index}`])))
      for (const [index, { version }] of again.entries()) {
        expect(version).not.toBe(told[index]?.version)
      }
    })
  })
}
