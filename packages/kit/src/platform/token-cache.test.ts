import { expect, test } from 'vitest'

import { createTokenCache, MAX_CACHED_TOKENS } from './token-cache.ts'

const verified = (expiresAtMs: number) => ({
  principal: { userId: 'anna', roles: [], scopes: [] },
  expiresAtMs,
})

test('a token is remembered until its last moment and not in it', () => {
  const cache = createTokenCache<ReturnType<typeof verified>>()
  cache.set('token', verified(1_000))
  expect(cache.get('token', new Date(999))?.principal.userId).toBe('anna')
  expect(cache.get('token', new Date(1_000))).toBeUndefined()
  expect(cache.size).toBe(0)
})

test('the token used longest ago goes when there are too many', () => {
  const cache = createTokenCache<ReturnType<typeof verified>>()
  const now = new Date(0)
  for (let n = 0; n < MAX_CACHED_TOKENS; n++) cache.set(`token ${n}`, verified(1_000))
  cache.get('token 0', now)
  cache.set('one more', verified(1_000))
  expect(cache.size).toBe(MAX_CACHED_TOKENS)
  expect(cache.get('token 0', now)).toBeDefined()
  expect(cache.get('token 1', now)).toBeUndefined()
})
