import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { CallError } from './call-error.ts'
import { createSession, type Session, type SessionTokens } from './session.ts'
import { refusal, refused, watcherOver, type Fate } from './subscription.fixture.ts'
import type { ConnectionState } from './subscription.ts'
import { clientError } from './to-call-error.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

type Over = ReturnType<typeof watcherOver>

/** All that a loop gets, and why it ended, once all the time that it wants has passed. */
async function read({ watch }: Over, input = { id: 'a' }) {
  const ids: string[] = []
  async function loop(): Promise<string> {
    // oxlint-disable-next-line typescript/consistent-type-assertions -- every event here is tracked
    for await (const { id } of watch.subscribe(input) as AsyncIterable<{ id: string }>) ids.push(id)
    return 'done'
  }
  const end = loop().catch((error: unknown) => error instanceof CallError && error.reason)
  await vi.runAllTimersAsync()
  return { ids, end: await end }
}

/** What the next turn of a loop fails with. */
const errorOf = (events: AsyncIterator<unknown>) =>
  events.next().then(
    () => undefined,
    (error: unknown) => error,
  )

const waits = ({ asked }: Over) =>
  asked.slice(1).map(({ at }, index) => at - (asked[index]?.at ?? 0))

describe('a subscription', () => {
  test('resumes behind the last event wherever it was lost, until it is over', async () => {
    const over = watcherOver([
      { events: [1, 2] },
      { ends: { with: 'data: {"json":3}\nid: 3' } }, // not finished: it never came
      { events: [3], ends: 'end' },
      'unreachable',
      { status: 502 },
      { events: [4], ends: 'return' },
    ])
    expect(await read(over)).toEqual({ ids: ['1', '2', '3', '4'], end: 'done' })
    const from = over.asked.map(({ lastEventId }) => lastEventId)
    expect(from).toEqual([undefined, '2', '2', '3', '3', '3'])
  })

  test('gives the id of each event along, unless it has none', async () => {
    const over = watcherOver([
      { events: [1], ends: { with: 'data: {"json":"x"}\n\nevent: return\ndata:\n\n' } },
    ])
    const got: unknown[] = []
    for await (const event of over.watch.subscribe({ id: 'a' })) got.push(event)
    expect(got).toEqual([{ id: '1', data: 1 }, 'x'])
  })

  test.each<[string, Fate]>([
    ['a lost connection', { events: [] }],
    ['a server that is away', 'unreachable'],
    ['a server that is busy', refused('OVERLOADED')],
    ['a server that is stopping', { status: 503, body: `{"error":${refusal('UNAVAILABLE')}}` }],
    ['too many calls', refused('RATE_LIMITED')],
    ['a proxy without its server', { status: 502 }],
    ['a proxy that waited in vain', { status: 504 }],
    ['a proxy that is busy', { status: 503 }],
    ['a proxy that has seen too much', { status: 429 }],
    ['a proxy of Cloudflare without its server', { status: 521 }],
  ])('survives %s, any number of times', async (_, fate) => {
    const over = watcherOver([...Array<Fate>(30).fill(fate), { events: [1], ends: 'return' }])
    expect(await read(over)).toEqual({ ids: ['1'], end: 'done' })
    expect(over.asked).toHaveLength(31)
  })

  test('takes a refusal that was cut off for a lost connection', async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new TypeError()) })
    const over = watcherOver([
      { status: 401, body },
      { events: [1], ends: 'return' },
    ])
    expect(await read(over)).toEqual({ ids: ['1'], end: 'done' })
  })

  test.each<[string, Fate]>([
    ['BAD_INPUT', refused('BAD_INPUT')],
    ['FORBIDDEN', refused('FORBIDDEN')],
    ['NO_SUCH_PROCEDURE', { status: 404, body: `{"error":${refusal('NO_SUCH_PROCEDURE')}}` }],
    ['INTERNAL', refused('INTERNAL')],
    ['UNAUTHENTICATED', refused('UNAUTHENTICATED')],
    ['BAD_RESPONSE', { status: 200 }],
    ['BAD_RESPONSE', { status: 404 }],
    ['BAD_RESPONSE', { status: 500 }],
    ['BAD_RESPONSE', { ends: { with: 'data: no JSON\n\n' } }],
  ])('ends for good with %s (%j)', async (reason, fate) => {
    const over = watcherOver([{ events: [1] }, fate])
    expect(await read(over)).toEqual({ ids: ['1'], end: reason })
    expect(over.asked).toHaveLength(2)
  })

  test('comes back soon, and within two seconds for as long as twenty', async () => {
    const over = watcherOver([{ events: [1] }, ...Array<Fate>(60).fill('unreachable')])
    await read(over)
    const [first = 0, ...later] = waits(over)
    expect(first).toBeGreaterThanOrEqual(100)
    expect(first).toBeLessThanOrEqual(300)
    let awayMs = 0
    for (const ms of later) {
      expect(ms).toBeGreaterThanOrEqual(100)
      expect(ms).toBeLessThanOrEqual(awayMs < 10_000 ? 1_000 : 5_100)
      awayMs += ms
    }
    expect(Math.max(...later.slice(-25))).toBeGreaterThan(1_000)
  })

  test('waits as long as it is asked to, and not much longer', async () => {
    const over = watcherOver([
      refused('RATE_LIMITED', 3_000),
      { status: 503, headers: { 'retry-after': '4' } },
      { ends: { with: 'retry: 4321\n\n' } },
      { events: [1], ends: 'return' },
    ])
    expect((await read(over)).end).toBe('done')
    const [limited = 0, busy = 0, stopping] = waits(over)
    expect(limited).toBeGreaterThanOrEqual(3_000)
    expect(limited).toBeLessThanOrEqual(3_600)
    expect(busy).toBeGreaterThanOrEqual(4_000)
    expect(busy).toBeLessThanOrEqual(4_800)
    expect(stopping).toBe(4_321) // the server itself has spread its readers
  })

  test('takes a silence for a lost connection when the server says so, and one without an answer', async () => {
    const over = watcherOver([
      { events: [1], ends: 'silence', silenceMs: 500 },
      'mute',
      { events: [2], ends: 'return' },
    ])
    expect(await read(over)).toEqual({ ids: ['1', '2'], end: 'done' })
    const [silence = 0, mute = 0] = waits(over)
    expect(silence).toBeGreaterThanOrEqual(600)
    expect(silence).toBeLessThanOrEqual(800)
    expect(mute).toBeGreaterThanOrEqual(10_100)
    expect(over.left).toEqual([1, 2, 3])
  })

  test('does not take a reader who is slow for a silence of the server', async () => {
    const over = watcherOver([{ events: [1, 2], ends: 'return', silenceMs: 500 }])
    const events = over.watch.subscribe({ id: 'a' })
    await events.next()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await events.next()).toMatchObject({ value: { id: '2' } })
    expect(await events.next()).toMatchObject({ done: true })
    expect(over.asked).toHaveLength(1)
  })

  test('reads no further than its reader', async () => {
    const events = Array.from({ length: 1_000 }, (_, n) => n + 1)
    const over = watcherOver([{ events, ends: 'return' }])
    let taken = 0
    for await (const _ of over.watch.subscribe({ id: 'a' })) if (++taken === 3) break
    expect(over.counts.pulled).toBeLessThan(10)
    expect(over.left).toEqual([1])
  })

  test('says how it is connected', async () => {
    const states: ConnectionState[] = []
    const over = watcherOver([{ events: [1] }, { events: [2], ends: 'return' }])
    const reading = (async () => {
      const options = { onState: (state: ConnectionState) => states.push(state) }
      for await (const _ of over.watch.subscribe({ id: 'a' }, options));
    })()
    await vi.runAllTimersAsync()
    await reading
    expect(states.map(({ state, error }) => [state, error?.reason])).toEqual([
      ['connecting', undefined],
      ['pending', undefined],
      ['connecting', 'CONNECTION_LOST'],
      ['pending', undefined],
      ['idle', undefined],
    ])
  })

  test('is aborted by its signal, whatever it waits for', async () => {
    for (const fate of ['mute', 'unreachable', { ends: 'silence' }] satisfies Fate[]) {
      const controller = new AbortController()
      const over = watcherOver([fate, 'mute'])
      const end = errorOf(over.watch.subscribe({ id: 'a' }, { signal: controller.signal }))
      await vi.advanceTimersByTimeAsync(10)
      controller.abort('enough')
      expect(await end).toMatchObject({ reason: 'ABORTED', cause: 'enough' })
    }
  })

  test('leaves nothing on the signal of its caller, also where it never began', async () => {
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    const over = watcherOver([{ events: [1], ends: 'return' }])
    for await (const _ of over.watch.subscribe({ id: 'a' }, { signal }));
    await over.watch.subscribe({ id: 'a' }, { signal }).return?.()
    over.watch.subscribe({ id: 'a' }, { signal, onData: () => {} }).unsubscribe()
    await vi.runAllTimersAsync()
    const left = added.mock.calls.filter(([, listener]) =>
      removed.mock.calls.every(([, other]) => other !== listener),
    )
    expect(added).toHaveBeenCalledTimes(3)
    expect(left).toEqual([])
  })

  test('is made once by a client that repeats nothing', async () => {
    expect(await read(watcherOver(['unreachable'], { retry: false }))).toMatchObject({
      end: 'UNREACHABLE',
    })
    expect(await read(watcherOver([{ events: [1], ends: 'end' }], { retry: false }))).toEqual({
      ids: ['1'],
      end: 'CONNECTION_LOST',
    })
  })

  test('posts an input that is too long for a URL', async () => {
    const over = watcherOver([])
    await read(over, { id: 'x'.repeat(3_000) })
    expect(over.asked).toMatchObject([{ method: 'POST' }])
  })
})

describe('a subscription with callbacks', () => {
  test('tells them what happens, by the names of tRPC', async () => {
    const over = watcherOver([{ events: [1] }, { events: [2], ends: 'return' }])
    const told: unknown[] = []
    over.watch.subscribe(
      { id: 'a' },
      {
        onStarted: () => told.push('started'),
        onData: (event) => told.push(event),
        onStopped: () => told.push('stopped'),
        onComplete: () => told.push('complete'),
        onError: () => told.push('error'),
      },
    )
    await vi.runAllTimersAsync()
    expect(told).toEqual([
      'started',
      { id: '1', data: 1 },
      'started',
      { id: '2', data: 2 },
      'stopped',
      'complete',
    ])
  })

  test('tells them why it has ended for good', async () => {
    const over = watcherOver([refused('FORBIDDEN')])
    const onError = vi.fn<(error: { reason: string }) => void>()
    over.watch.subscribe({ id: 'a' }, { onData: () => {}, onError })
    await vi.runAllTimersAsync()
    expect(onError.mock.calls).toMatchObject([[{ reason: 'FORBIDDEN' }]])
  })

  test('tells them nothing more but its end once it is left', async () => {
    const over = watcherOver([{ events: [1], ends: 'silence', silenceMs: 60_000 }])
    const told: unknown[] = []
    const { unsubscribe } = over.watch.subscribe(
      { id: 'a' },
      { onData: (event) => told.push(event), onComplete: () => told.push('complete') },
    )
    await vi.advanceTimersByTimeAsync(10)
    unsubscribe()
    await vi.advanceTimersByTimeAsync(10)
    expect(told).toEqual([{ id: '1', data: 1 }, 'complete'])
    expect(over.left).toEqual([1])
  })
})

describe('a subscription of a signed-in user', () => {
  const inAnHour = () => new Date(Date.now() + 3_600_000)
  const tokens = (accessToken: string) => ({
    accessToken,
    expiresAt: inAnHour(),
    refreshToken: `refresh ${accessToken}`,
    refreshExpiresAt: inAnHour(),
  })
  const unauthenticated = refused('UNAUTHENTICATED')
  const sent = ({ asked }: Over) => asked.map(({ authorization }) => authorization)

  test('goes on with the next token when one has expired', async () => {
    const refresh = vi.fn<() => Promise<SessionTokens>>(async () => tokens('second'))
    const session = createSession({ refresh })
    session.signIn(tokens('first'))
    const over = watcherOver(
      [{ events: [1] }, unauthenticated, { events: [2] }, { events: [3], ends: 'return' }],
      { session },
    )
    expect(await read(over)).toEqual({ ids: ['1', '2', '3'], end: 'done' })
    expect(sent(over)).toEqual(['first', 'first', 'second', 'second'].map((t) => `Bearer ${t}`))
    expect(refresh).toHaveBeenCalledTimes(1)
  })

  test('shares one refresh with all the others', async () => {
    const refresh = vi.fn<() => Promise<SessionTokens>>(async () => tokens('second'))
    const session = createSession({ refresh })
    session.signIn(tokens('first'))
    const overs = Array.from({ length: 5 }, () =>
      watcherOver([unauthenticated, { events: [1], ends: 'return' }], { session }),
    )
    for (const { end } of await Promise.all(overs.map((over) => read(over))))
      expect(end).toBe('done')
    expect(refresh).toHaveBeenCalledTimes(1)
  })

  test('ends when its session does, and when the next token is refused as well', async () => {
    const over = createSession({ refresh: () => Promise.reject(clientError('BAD_RESPONSE')) })
    over.signIn(tokens('first'))
    const one = watcherOver([unauthenticated], { session: over })
    expect((await read(one)).end).toBe('BAD_RESPONSE')
    const session = createSession({ refresh: async () => tokens('second') })
    session.signIn(tokens('first'))
    const two = watcherOver([unauthenticated, unauthenticated], { session })
    expect((await read(two)).end).toBe('UNAUTHENTICATED')
    expect(two.asked).toHaveLength(2)
  })

  test('waits for a refresh that fails for the moment', async () => {
    const refresh = vi.fn<() => Promise<SessionTokens>>(async () => tokens('second'))
    refresh.mockRejectedValueOnce(clientError('UNREACHABLE'))
    const session = createSession({ refresh })
    session.signIn(tokens('first'))
    const over = watcherOver([unauthenticated, unauthenticated, { events: [1], ends: 'return' }], {
      session,
    })
    expect(await read(over)).toEqual({ ids: ['1'], end: 'done' })
  })

  test('never goes on under the name of somebody else', async () => {
    const session = createSession({ refresh: async () => tokens('second') })
    session.signIn(tokens('anna'))
    const over = watcherOver([{ events: [1] }, 'unreachable', { events: [2], ends: 'return' }], {
      session,
    })
    const events = over.watch.subscribe({ id: 'a' })
    await events.next()
    const end = errorOf(events)
    session.signIn(tokens('berta'))
    await vi.runAllTimersAsync()
    expect(await end).toMatchObject({ reason: 'UNAUTHENTICATED' })
    expect(sent(over)).toEqual(['Bearer anna'])
  })

  test.each([
    ['sign out', (session: Session) => session.signOut()],
    ['sign in as somebody else', (session: Session) => session.signIn(tokens('berta'))],
  ])('ends at once when they %s', async (_, change) => {
    const session = createSession({ refresh: async () => tokens('second') })
    session.signIn(tokens('anna'))
    const over = watcherOver([{ events: [1], ends: 'silence', silenceMs: 60_000 }], { session })
    const events = over.watch.subscribe({ id: 'a' })
    await events.next()
    const end = errorOf(events)
    await vi.advanceTimersByTimeAsync(10)
    change(session)
    await vi.advanceTimersByTimeAsync(10)
    expect(over.left).toEqual([1])
    expect(await end).toMatchObject({ reason: 'UNAUTHENTICATED', retryable: false })
  })

  test('asks for the token of the moment where the client has a function for it', async () => {
    const given = ['first', 'first', 'second', 'second']
    const over = watcherOver([{ events: [1] }, unauthenticated, { events: [2], ends: 'return' }], {
      auth: () => given.shift() ?? '',
    })
    expect(await read(over)).toEqual({ ids: ['1', '2'], end: 'done' })
    expect(sent(over)).toEqual(['Bearer first', 'Bearer first', 'Bearer second'])
    const same = watcherOver([unauthenticated], { auth: () => 'first' })
    expect((await read(same)).end).toBe('UNAUTHENTICATED')
  })
})
