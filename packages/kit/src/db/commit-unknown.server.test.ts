import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startFaultServer } from './fault-server.fixture.ts'

let server: Awaited<ReturnType<typeof startFaultServer>>
beforeAll(async () => {
  server = await startFaultServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const COMMIT = /^commit$/
const INSERT = /^insert into "change"/

const UNKNOWN = { reason: 'COMMIT_UNKNOWN', retryable: false }
const UNAVAILABLE = { reason: 'UNAVAILABLE', retryable: true }

/** Ways in which a connection is lost: closed, or reset as by a crash. */
const ways = [
  { way: 'closed', reset: false },
  { way: 'reset', reset: true },
] as const

describe.each(ways)('a connection that is $way', ({ way, reset }) => {
  test('after the commit is an unknown end, and the change is there', async () => {
    const id = `${way} after commit`
    server.proxy.cutNext({ at: COMMIT, moment: 'answered', reset })
    await expect(server.changes.make.mutate({ id })).rejects.toMatchObject(UNKNOWN)
    expect(await server.rowsOf(id)).toBe(1)
  })

  test('before the commit arrives is an unknown end, and there is no change', async () => {
    const id = `${way} before commit`
    server.proxy.cutNext({ at: COMMIT, moment: 'before', reset })
    await expect(server.changes.make.mutate({ id })).rejects.toMatchObject(UNKNOWN)
    expect(await server.rowsOf(id)).toBe(0)
  })

  test.each(['begin', 'insert'] as const)(
    'at the %s of a transaction may be tried again, and there is no change',
    async (statement) => {
      const id = `${way} at ${statement}`
      const at = statement === 'begin' ? /^begin/ : INSERT
      server.proxy.cutNext({ at, moment: 'answered', reset })
      await expect(server.changes.make.mutate({ id })).rejects.toMatchObject(UNAVAILABLE)
      expect(await server.rowsOf(id)).toBe(0)
      await server.changes.make.mutate({ id })
      expect(await server.rowsOf(id)).toBe(1)
    },
  )

  test('under a statement that commits by itself is an unknown end', async () => {
    for (const [moment, rows] of [
      ['answered', 1],
      ['before', 0],
    ] as const) {
      const id = `${way} at once, ${moment}`
      server.proxy.cutNext({ at: INSERT, moment, reset })
      await expect(server.changes.makeAtOnce.mutate({ id })).rejects.toMatchObject(UNKNOWN)
      expect(await server.rowsOf(id)).toBe(rows)
    }
  })

  test('under a read of a mutation may be tried again', async () => {
    server.proxy.cutNext({ at: /^select "id"/, moment: 'answered', reset })
    const reading = server.changes.readAtOnce.mutate({ id: 'any' })
    await expect(reading).rejects.toMatchObject(UNAVAILABLE)
  })

  test('under a query may be tried again', async () => {
    server.proxy.cutNext({ at: /^select "id"/, moment: 'answered', reset })
    await expect(server.changes.list.query()).rejects.toMatchObject(UNAVAILABLE)
    expect(await server.changes.list.query()).toBeInstanceOf(Array)
  })
})

describe('a mutation that has committed one of its steps', () => {
  test('never says that nothing was changed, when a later step loses its connection', async () => {
    const id = 'lost later'
    server.proxy.cutNext({ at: /pg_sleep/, moment: 'answered', reset: false })
    const making = server.changes.makeAtOnceAndNap.mutate({ id, seconds: 0 })
    await expect(making).rejects.toMatchObject(UNKNOWN)
    expect(await server.rowsOf(id)).toBe(1)
  })

  test('never says that nothing was changed, when its time is up', async () => {
    const id = 'late'
    const making = server.changes.makeAtOnceAndNap.mutate({ id, seconds: 30 })
    await expect(making).rejects.toMatchObject(UNKNOWN)
    expect(await server.rowsOf(id)).toBe(1)
  })

  test('says so when its first step was refused for certain', async () => {
    const id = 'twice'
    await server.changes.make.mutate({ id })
    const making = server.changes.makeAtOnceAndNap.mutate({ id, seconds: 0 })
    await expect(making).rejects.toMatchObject({ reason: 'INTERNAL' })
    expect(await server.rowsOf(id)).toBe(1)
  })
})

test('the proxy has really cut each of those connections', () => {
  expect(server.proxy.cuts).toBe(ways.length * 8 + 1)
})
