import { afterEach, expect, test, vi } from 'vitest'

import { banner } from './banner.ts'

afterEach(() => vi.unstubAllEnvs())

const redisLine = () =>
  banner({ url: 'http://127.0.0.1:3000', where: 'here', hints: [], tookMs: 1_000 }).find((line) =>
    line.startsWith('  Redis'),
  )

test('says what is of each process alone without Redis', () => {
  vi.stubEnv('REDIS_URL', undefined)
  vi.stubEnv('REDIS_URL_FILE', undefined)
  expect(redisLine()).toContain('none: each process counts its limits')
})

test.each(['REDIS_URL', 'REDIS_URL_FILE'])('says nothing of the kind with %s', (name) => {
  vi.stubEnv(name, 'redis://user:password@host')
  expect(redisLine()).toBe('  Redis         shared by all processes')
})
