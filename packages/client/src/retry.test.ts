import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'

import { clientOver, type Fate } from './fake-server.fixture.ts'
import { safe } from './safe.ts'
import { createSession } from './session.ts'
import { clientError } from './to-call-error.ts'
import type { Call } from './types.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Why a call failed, or `done`, once all the time that it wants has passed. */
async function endOf(call: Call<unknown, { readonly reason: string }>) {
  const result = safe(call)
  await vi.runAllTimersAsync()
  const [, error] = await result
  return error?.reason ?? 'done'
}

const thrice = (fate: Fate) => [fate, fate, fate]
const KEYLESS: Fate = { reason: 'KEY_NOT_SUPPORTED' }

const passing: [string, Fate][] = [
  ['UNREACHABLE', 'unreachable'],
  ['UNAVAILABLE', { reason: 'UNAVAILABLE' }],
  ['OVERLOADED', { reason: 'OVERLOADED' }],
  ['RATE_LIMITED', { reason: 'RATE_LIMITED' }],
  ['CONTENTION', { reason: 'CONTENTION' }],
]

const lasting: [string, Fate][] = [
  ['BAD_INPUT', { reason: 'BAD_INPUT' }],
  ['INTERNAL', { reason: 'INTERNAL' }],
  ['DEADLINE_EXCEEDED', { reason: 'DEADLINE_EXCEEDED' }],
  ['BAD_RESPONSE', { status: 401 }],
]

describe('a query', () => {
  const gateway: [string, Fate][] = [502, 503, 504].map((status) => ['BAD_RESPONSE', { status }])

  test.each([...passing, ['CONNECTION_LOST', 'lost'] as const, ...gateway])(
    'is made up to three times after %s (%j)',
    async (reason, fate) => {
      const twice = clientOver([fate, fate])
      expect(await endOf(twice.notes.read.query())).toBe('done')
      const never = clientOver(thrice(fate))
      expect(await endOf(never.notes.read.query())).toBe(reason)
      expect(never.requests).toHaveLength(3)
    },
  )

  test.each([...lasting, ['BAD_RESPONSE', { status: 500 }] as const])(
    'is made once when it is refused with %s (%j)',
    async (reason, fate) => {
      const { notes, requests } = clientOver([fate])
      expect(await endOf(notes.read.query())).toBe(reason)
      expect(requests).toHaveLength(1)
    },
  )

  test('of a batch is made again by itself', async () => {
    const { notes, requests } = clientOver(['lost'])
    const ends = await Promise.all([endOf(notes.read.query()), endOf(notes.read.query())])
    expect(ends).toEqual(['done', 'done'])
    expect(requests.length).toBeLessThanOrEqual(3)
  })

  test('has no key', async () => {
    const { notes, requests } = clientOver([])
    await endOf(notes.read.query())
    expect(requests).toMatchObject([{ method: 'GET', key: null }])
  })
})

describe('a mutation with a key', () => {
  test.each([
    ...passing.filter(([reason]) => reason !== 'UNREACHABLE'),
    ['OUTCOME_UNKNOWN', 'lost'] as const,
    ['OUTCOME_UNKNOWN', { status: 504 }] as const,
    ['COMMIT_UNKNOWN', { reason: 'COMMIT_UNKNOWN' }] as const,
    ['KEY_IN_FLIGHT', { reason: 'KEY_IN_FLIGHT' }] as const,
  ])('is made up to three times with one key after %s (%j)', async (reason, fate) => {
    const { notes, requests } = clientOver(thrice(fate))
    expect(await endOf(notes.write.mutate())).toBe(reason)
    expect(requests).toHaveLength(3)
    expect(new Set(requests.map(({ key }) => key))).toEqual(new Set([expect.any(String)]))
  })

  test.each(lasting)('is made once when it is refused with %s', async (reason, fate) => {
    const { notes, requests } = clientOver([fate])
    expect(await endOf(notes.write.mutate())).toBe(reason)
    expect(requests).toHaveLength(1)
  })

  test('has another key than the next one, unless the caller brings it', async () => {
    const { notes, requests } = clientOver([])
    await endOf(notes.write.mutate())
    await endOf(notes.write.mutate())
    await endOf(notes.write.mutate(undefined, { idempotencyKey: 'mine' }))
    const keys = requests.map(({ key }) => key)
    expect(new Set(keys).size).toBe(3)
    expect(keys.at(-1)).toBe('mine')
  })

  test.each<Fate>(['unreachable', { reason: 'RATE_LIMITED' }, { reason: 'UNAUTHENTICATED' }])(
    'that was lost once has an unknown outcome, whatever is said later (%j)',
    async (fate) => {
      const { notes } = clientOver(['lost', fate, fate])
      expect(await endOf(notes.write.mutate())).toBe('OUTCOME_UNKNOWN')
    },
  )
})

describe('a mutation whose procedure takes no key', () => {
  test('is sent again without one, and the client knows it from then on', async () => {
    const { notes, requests } = clientOver([KEYLESS])
    expect(await endOf(notes.write.mutate())).toBe('done')
    expect(await endOf(notes.write.mutate())).toBe('done')
    expect(requests.map(({ key }) => key)).toEqual([expect.any(String), null, null])
  })

  test('is not made again once it was sent', async () => {
    for (const [reason, fate] of [
      ['OUTCOME_UNKNOWN', 'lost'],
      ['OUTCOME_UNKNOWN', { status: 502 }],
      ['COMMIT_UNKNOWN', { reason: 'COMMIT_UNKNOWN' }],
    ] satisfies [string, Fate][]) {
      const { notes, requests } = clientOver([KEYLESS, fate])
      expect(await endOf(notes.write.mutate())).toBe(reason)
      expect(requests).toHaveLength(2)
    }
  })

  test.each(passing)('is made again after %s', async (reason, fate) => {
    const { notes, requests } = clientOver([KEYLESS, ...thrice(fate)])
    expect(await endOf(notes.write.mutate())).toBe(reason)
    expect(requests.map(({ key }) => key)).toEqual([expect.any(String), null, null, null])
  })

  test('is not sent without its key after it was lost with it', async () => {
    const { notes, requests } = clientOver(['lost', KEYLESS])
    expect(await endOf(notes.write.mutate())).toBe('OUTCOME_UNKNOWN')
    expect(requests).toHaveLength(2)
    expect(await endOf(notes.write.mutate())).toBe('done')
    expect(requests.at(-1)?.key).toBeNull()
  })

  test('keeps the key that it was lost with, also when another call learns so', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    onTestFinished(() => void vi.restoreAllMocks())
    const { notes, requests } = clientOver(['lost', KEYLESS, 'done', KEYLESS])
    const lost = safe(notes.write.mutate())
    await vi.advanceTimersByTimeAsync(10)
    expect((await safe(notes.write.mutate()))[0]).toBe('done')
    await vi.runAllTimersAsync()
    expect((await lost)[1]?.reason).toBe('OUTCOME_UNKNOWN')
    const [first] = requests
    expect(requests.map(({ key }) => key)).toEqual([
      first?.key,
      expect.any(String),
      null,
      first?.key,
    ])
  })

  test('is refused where the caller has brought the key', async () => {
    const { notes, requests } = clientOver([KEYLESS, KEYLESS])
    const mine = { idempotencyKey: 'mine' }
    expect(await endOf(notes.write.mutate(undefined, mine))).toBe('KEY_NOT_SUPPORTED')
    expect(await endOf(notes.write.mutate(undefined, mine))).toBe('KEY_NOT_SUPPORTED')
    expect(requests).toHaveLength(2)
  })

  test('goes with a key again when another release of the server wants one', async () => {
    const { notes, requests } = clientOver([KEYLESS, 'done', { reason: 'KEY_REQUIRED' }])
    await endOf(notes.write.mutate())
    expect(await endOf(notes.write.mutate())).toBe('done')
    expect(await endOf(notes.write.mutate())).toBe('done')
    const some: unknown = expect.any(String)
    expect(requests.map(({ key }) => key)).toEqual([some, null, null, some, some])
  })
})

describe('a client', () => {
  test.each(['<h1>Busy</h1>', '{"busy":true}'])(
    'is as long as a proxy asks for in the place of the server (%s)',
    async (body) => {
      const headers = { 'retry-after': '2' }
      const { notes, requests } = clientOver([{ status: 503, headers, body }])
      expect(await endOf(notes.read.query())).toBe('done')
      const [first, second] = requests
      expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(2_000)
    },
  )

  test('waits as long as the server asks, and at most a fifth longer', async () => {
    const { notes, requests } = clientOver([{ reason: 'RATE_LIMITED', retryAfterMs: 3_000 }])
    expect(await endOf(notes.read.query())).toBe('done')
    const [first, second] = requests.map(({ at }) => at)
    const waitMs = (second ?? 0) - (first ?? 0)
    expect(waitMs).toBeGreaterThanOrEqual(3_000)
    expect(waitMs).toBeLessThanOrEqual(3_700)
  })

  test('that is told to makes each call once, and a mutation without a key', async () => {
    const { notes, requests } = clientOver(['unreachable', 'unreachable'], { retry: false })
    expect(await endOf(notes.read.query())).toBe('UNREACHABLE')
    expect(await endOf(notes.write.mutate())).toBe('UNREACHABLE')
    expect(requests.map(({ key }) => key)).toEqual([null, null])
    const five = clientOver(Array<Fate>(4).fill('lost'), { retry: { maxAttempts: 5 } })
    expect(await endOf(five.notes.read.query())).toBe('done')
  })

  test('stops repeating while most calls fail, and starts again when they succeed', async () => {
    const fates = Array<Fate>(300).fill('unreachable')
    const { notes, requests } = clientOver(fates)
    for (let call = 0; call < 100; call++) await endOf(notes.read.query())
    expect(requests.length).toBeLessThanOrEqual(100 * 1.1)
    fates.length = 0
    for (let call = 0; call < 70; call++) await endOf(notes.read.query())
    fates.push('unreachable')
    expect(await endOf(notes.read.query())).toBe('done')
  })

  test('that is signed in repeats no refresh that failed', async () => {
    const refresh = vi.fn<() => Promise<never>>(() => Promise.reject(clientError('UNREACHABLE')))
    const session = createSession({ refresh })
    const expiresAt = new Date()
    session.signIn({ accessToken: 'a', expiresAt, refreshToken: 'r', refreshExpiresAt: expiresAt })
    const { notes, requests } = clientOver([{ reason: 'UNAUTHENTICATED' }], { session })
    expect(await endOf(notes.read.query())).toBe('UNREACHABLE')
    expect(requests).toHaveLength(1)
    expect(refresh).toHaveBeenCalledTimes(1)
  })

  test('that refreshes does not wait longer than the session does', async () => {
    const busy: Fate = { reason: 'OVERLOADED', retryAfterMs: 10_000 }
    const refreshing = clientOver([busy])
    const session = createSession({
      refresh: async (_, options) => {
        await refreshing.notes.write.mutate(undefined, options)
        throw new Error('It was refused.')
      },
    })
    const now = new Date()
    const tokens = { accessToken: 'a', expiresAt: now, refreshToken: 'r', refreshExpiresAt: now }
    session.signIn(tokens)
    const { notes } = clientOver([{ reason: 'UNAUTHENTICATED' }], { session })
    expect(await endOf(notes.read.query())).toBe('OVERLOADED')
    expect(refreshing.requests).toHaveLength(1)
  })

  test('that is signed in makes one attempt more with a new token, and no new series', async () => {
    const now = new Date()
    const tokens = { accessToken: 'a', expiresAt: now, refreshToken: 'r', refreshExpiresAt: now }
    const session = createSession({ refresh: async () => ({ ...tokens, accessToken: 'b' }) })
    session.signIn(tokens)
    const down: Fate = { reason: 'UNAVAILABLE' }
    const fates: Fate[] = [down, down, { reason: 'UNAUTHENTICATED' }, down, down, down]
    const { notes, requests } = clientOver(fates, { session })
    expect(await endOf(notes.read.query())).toBe('UNAVAILABLE')
    expect(requests).toHaveLength(4)
  })

  test('loses nothing of its budget by calls that their callers give up', async () => {
    const fates = Array<Fate>(10).fill('silent')
    const { notes } = clientOver(fates)
    const controller = new AbortController()
    const options = { signal: controller.signal }
    const left = Array.from({ length: 10 }, () => safe(notes.write.mutate(undefined, options)))
    await vi.advanceTimersByTimeAsync(10)
    controller.abort()
    const reasons = (await Promise.all(left)).map(([, error]) => error?.reason)
    expect(reasons).toEqual(Array(10).fill('ABORTED'))
    fates.push('unreachable')
    expect(await endOf(notes.read.query())).toBe('done')
  })

  test('makes a call again as the user whose call it is', async () => {
    const session = createSession({ refresh: () => Promise.reject(clientError('UNREACHABLE')) })
    const expiresAt = new Date(Date.now() + 3_600_000)
    const tokens = { expiresAt, refreshToken: 'r', refreshExpiresAt: expiresAt }
    session.signIn({ ...tokens, accessToken: 'anna' })
    const busy: Fate = { reason: 'OVERLOADED', retryAfterMs: 1_000 }
    const { notes, requests } = clientOver([busy], { session })
    const call = safe(notes.write.mutate())
    await vi.advanceTimersByTimeAsync(500)
    expect(requests).toHaveLength(1)
    session.signIn({ ...tokens, accessToken: 'berta' })
    await vi.runAllTimersAsync()
    expect((await call)[0]).toBe('done')
    expect(requests.map(({ authorization }) => authorization)).toEqual(Array(2).fill('Bearer anna'))
  })
})
