import { expect, test } from 'vitest'

import { applyValues, WireError } from './wire-values.ts'

test('finds values under keys with dots and backslashes', () => {
  const json = { 'a.b': { 'c\\': ['1'] }, '': { '\\.': '2' } }
  const values = { 'a\\.b.c\\\\.0': ['bigint'], '.\\\\\\.': ['bigint'] }
  expect(applyValues(json, values)).toEqual({ 'a.b': { 'c\\': [1n] }, '': { '\\.': 2n } })
})

test.each(['length', 'a.length', 'toString', '__proto__', 'a.7', 'a.0.b', ''])(
  'refuses an annotation of "%s", which is not there',
  (path) => {
    const json = path === 'length' ? [] : { a: ['x'] }
    expect(() => applyValues(json, { [path]: ['undefined'] })).toThrow(WireError)
  },
)
