import fc from 'fast-check'
import { expect, test } from 'vitest'

import { createEntries } from './entries.ts'

const entry = (text: string) => ({ text, version: '1', keptAt: 0, freshUntil: 1, staleUntil: 1 })

/** The same, in the plainest way: pairs of key and text by last use. */
function createModel(maxEntries: number, maxBytes: number) {
  let pairs: [string, string][] = []
  return {
    get: (key: string) => {
      const found = pairs.find(([name]) => name === key)
      if (!found) return undefined
      pairs = [...pairs.filter((pair) => pair !== found), found]
      return found[1]
    },
    set(key: string, text: string) {
      pairs = pairs.filter(([name]) => name !== key)
      if (size([[key, text]]) <= maxBytes) pairs.push([key, text])
      while (pairs.length > maxEntries || size(pairs) > maxBytes) pairs.shift()
    },
    sizes: () => `${pairs.length} of ${size(pairs)}`,
  }
}

const size = (pairs: readonly [string, string][]) =>
  pairs.reduce((sum, [key, text]) => sum + Buffer.byteLength(key) + Buffer.byteLength(text), 0)

test('holds its bounds of number and bytes, and keeps what was used last', () => {
  const step = fc.record({
    sets: fc.boolean(),
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'é', 'g'),
    text: fc.nat(20).map((length) => 'é'.repeat(length)),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
      const [entries, model] = [
        createEntries({ maxEntries: 5, maxBytes: 100 }),
        createModel(5, 100),
      ]
      const done: unknown[] = []
      const expected: unknown[] = []
      for (const { sets, key, text } of steps) {
        if (sets) entries.set(key, entry(text))
        if (sets) model.set(key, text)
        done.push(sets || entries.get(key)?.text, `${entries.size} of ${entries.bytes}`)
        expected.push(sets || model.get(key), model.sizes())
      }
      expect(done).toEqual(expected)
    }),
  )
})

test('an entry that is too large pushes nothing out, but its older one goes', () => {
  const entries = createEntries({ maxEntries: 5, maxBytes: 100 })
  entries.set('a', entry('small'))
  entries.set('b', entry('small'))
  entries.set('b', entry('x'.repeat(100)))
  expect(entries.get('a')?.text).toBe('small')
  expect(entries.get('b')).toBeUndefined()
})
