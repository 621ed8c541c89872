import { expect, test } from 'vitest'

import { createSecrets } from './secrets.ts'

test('what the previous secret has signed is verified by the name of its key, and by no other', () => {
  const before = createSecrets('before').signingKey('a')
  const secrets = createSecrets('now', 'before')
  const { kid, key } = secrets.signingKey('a')
  expect(key).toEqual(createSecrets('now').key('a'))
  expect(secrets.key('a')).toEqual(key)
  expect(secrets.verifyingKey('a', kid)).toEqual(key)
  expect(secrets.verifyingKey('a', before.kid)).toEqual(before.key)
  expect(secrets.verifyingKey('b', before.kid)).toBeUndefined()
  expect(createSecrets('now').verifyingKey('a', before.kid)).toBeUndefined()
  expect(secrets.verifyingKey('a', createSecrets('third').signingKey('a').kid)).toBeUndefined()
})

test('the name of a key tells nothing of the key', () => {
  const { kid, key } = createSecrets('now').signingKey('a')
  expect(kid).toMatch(/^[\w-]{11}$/)
  expect(Buffer.from(key).toString('base64url')).not.toContain(kid)
})
