import { describe, expect, test } from 'vitest'

import { fingerprintOf, keyNameOf } from './keys.ts'

const hex = (procedure: string, text: string) =>
  Buffer.from(fingerprintOf(procedure, text)).toString('hex')

describe('the fingerprint of an input', () => {
  test('is a SHA-256, the same for the same JSON, however it is laid out', () => {
    const texts = ['{"a":1,"b":{"c":[1,2],"d":null}}', ' { "b": {"d":null, "c":[1, 2]},\n"a":1.0 }']
    const all = texts.map((text) => hex('sales.make', text))
    expect(all[0]).toHaveLength(64)
    expect(new Set(all).size).toBe(1)
  })

  test('differs for any other value, and for another procedure', () => {
    const texts = ['', 'null', '{}', '[]', '[1,2]', '[2,1]', '[12]', '"1"', '1', '1e400', '-1e400']
    texts.push('{"a":1}', '{"a":"1"}', '{"a":null}', '{"__proto__":1}', '{"a":{"b":1}}', '"{}"')
    const all = texts.map((text) => hex('sales.make', text))
    expect(new Set([...all, hex('sales.undo', '{}')]).size).toBe(texts.length + 1)
  })
})

test('a name tells principal, procedure and key apart, wherever they are cut', () => {
  const owners = [
    { principal: 'a', procedure: 'b', key: 'c' },
    { principal: 'ab', procedure: '', key: 'c' },
    { principal: 'a","b', procedure: '', key: 'c' },
    { principal: '', procedure: 'ab', key: 'c' },
  ]
  const names = owners.map(keyNameOf)
  expect(new Set(names.map(({ text }) => text)).size).toBe(owners.length)
  expect(new Set(names.map(({ lock }) => lock.join())).size).toBe(owners.length)
  for (const half of names.flatMap(({ lock }) => lock)) expect(half).toBe(half | 0)
})
