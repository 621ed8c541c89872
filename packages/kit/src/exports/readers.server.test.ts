import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { authorizationOf } from '../testing/test-identity.ts'
import { BAD_ROW, PARTS } from './parts-app.fixture.ts'
import { openExport, startPartsServer } from './parts-server.fixture.ts'

let server: Awaited<ReturnType<typeof startPartsServer>>
beforeAll(async () => {
  server = await startPartsServer()
})
afterAll(() => server[Symbol.asyncDispose]())

/** On a machine that has much to do. */
const SOON = { timeout: 5_000 }

let users = 0
/** Opens an export as somebody who has none open. */
const open = (name: string, headers = {}) =>
  openExport(`${server.url}/exports/${name}`, { as: { userId: `user-${++users}` }, headers })

/** Resolves when the export of this answer has ended, to its line in the log. */
async function ended(name: string, { headers }: IncomingMessage) {
  const isOver = () => server.lastLine(name)?.requestId === headers['x-request-id']
  await expect.poll(isOver, { timeout: 10_000 }).toBe(true)
  return server.lastLine(name)
}

/** Numbers of the rows in a CSV, each of which is told in full. */
function numbersIn(csv: string): number[] {
  const lines = csv.split('\r\n').slice(1, -1)
  expect(lines.every((line) => /^\d{6},([a-z])\1{699}$/.test(line))).toBe(true)
  return lines.map((line) => Number(line.slice(0, 6)))
}

const allNumbers = Array.from({ length: PARTS }, (_, n) => n + 1)

/** All of it, at some 15 MB a second: slower than it is made, and never with a pause. */
async function readSlowly(response: IncomingMessage): Promise<string> {
  let read = ''
  for await (const chunk of response.setEncoding('utf8')) {
    read += chunk
    await sleep(4)
  }
  return read
}

async function expectNothingHeld() {
  await expect.poll(server.inUse, SOON).toBe(0)
  await expect.poll(server.openTransactions, SOON).toBe(0)
  expect(server.gauge('exports_open')).toBe(0)
  expect(server.gauge('exports_reading')).toBe(0)
}

describe('a reader', () => {
  test('who keeps up gets every row once', async () => {
    const response = await open('parts')
    expect(numbersIn(await text(response))).toEqual(allNumbers)
    expect(await ended('parts', response)).toMatchObject({
      outcome: 'OK',
      sent: { rows: PARTS, encoding: 'identity' },
    })
    await expectNothingHeld()
  })

  test('who pauses holds no connection, and gets every row once all the same', async () => {
    const response = await open('parts')
    await expect.poll(() => server.gauge('exports_reading'), SOON).toBe(1)
    // A transaction is there while there is hope, and none for longer than a second.
    await expect.poll(() => server.gauge('exports_reading'), SOON).toBe(0)
    await expect.poll(server.openTransactions, SOON).toBe(0)
    expect(server.inUse()).toBe(0)
    expect(server.gauge('exports_open')).toBe(1)
    expect(numbersIn(await text(response))).toEqual(allNumbers)
    const line = await ended('parts', response)
    expect(line).toMatchObject({ outcome: 'OK', sent: { rows: PARTS } })
    expect(line?.sent).not.toMatchObject({ pauses: 0 })
    await expectNothingHeld()
  })

  test('who reads on and on, however slowly, lets others have their turns', async () => {
    const steady = await Promise.all([open('parts'), open('parts')])
    const [one, two] = steady.map(readSlowly)
    await expect.poll(() => server.gauge('exports_reading'), SOON).toBe(2)
    const other = await open('parts')
    expect(other.statusCode).toBe(200)
    expect(steady.some(({ complete }) => complete)).toBe(false)
    for (const csv of [await text(other), await one, await two]) {
      expect(numbersIn(csv ?? '')).toEqual(allNumbers)
    }
    await expectNothingHeld()
  })

  test('who takes nothing any more is cut off', async () => {
    const response = await open('hurried')
    expect(await ended('hurried', response)).toMatchObject({ outcome: 'DEADLINE_EXCEEDED' })
    await expect(text(response)).rejects.toThrow('aborted')
    await expectNothingHeld()
  })

  test.each(['identity', 'zstd'])(
    'who leaves in the middle, of %s, gives everything back at once',
    async (encoding) => {
      const response = await open('parts', { 'accept-encoding': encoding })
      await once(response, 'readable')
      response.destroy()
      expect(await ended('parts', response)).toMatchObject({
        level: 'info',
        outcome: 'CLIENT_CLOSED_REQUEST',
        sent: { encoding },
      })
      await expectNothingHeld()
    },
  )

  test('who leaves while a row is being made ends that on the server of the database', async () => {
    await using _ = await server.closeGate()
    const response = await open('gated')
    await once(response, 'readable')
    await expect.poll(server.waitingAtGate, SOON).toBe(1)
    response.destroy()
    await expect.poll(server.waitingAtGate, SOON).toBe(0)
    await expectNothingHeld()
  })

  test('who leaves before anything has come is not waited for', async () => {
    await using _ = await server.closeGate()
    const leaving = new AbortController()
    const { signal } = leaving
    const asking = openExport(`${server.url}/exports/closed`, { as: { userId: 'hasty' }, signal })
    await expect.poll(server.waitingAtGate, SOON).toBe(1)
    leaving.abort()
    await expect(asking).rejects.toThrow('aborted')
    await expect.poll(server.waitingAtGate, SOON).toBe(0)
    await expectNothingHeld()
  })
})

describe('an export that fails', () => {
  test('in the middle breaks off, so that nobody takes it for whole', async () => {
    for (const encoding of ['identity', 'gzip']) {
      const response = await open('failing', { 'accept-encoding': encoding })
      expect(response.statusCode).toBe(200)
      await expect(text(response)).rejects.toThrow('aborted')
      expect(response.complete).toBe(false)
      expect(await ended('failing', response)).toMatchObject({
        level: 'error',
        outcome: 'INTERNAL',
        err: { message: 'division by zero' },
        sent: { rows: BAD_ROW - 1_000 },
      })
    }
    await expectNothingHeld()
  })

  test('in the middle is no whole file to a reader of HTTP/1.0 either', async () => {
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    const authorization = authorizationOf({ roles: [], scopes: [], userId: `user-${++users}` })
    socket.write(`GET /exports/failing HTTP/1.0\r\nauthorization: ${authorization}\r\n\r\n`)
    await expect(text(socket)).rejects.toThrow('ECONNRESET')
    await expectNothingHeld()
  })

  test('before its first row is a failure like any other', async () => {
    const response = await open(`failing?after=0${BAD_ROW - 1}`)
    expect(response.statusCode).toBe(500)
    expect(response.headers['content-type']).toBe('application/json')
    expect(await text(response)).toContain('"reason":"INTERNAL"')
    await expectNothingHeld()
  })
})

test('a server that stops lets exports go on for its drain timeout, and then cuts them off', async () => {
  await using stopping = await startPartsServer({ config: { drainTimeoutMs: 300 } })
  const open = (name: string) =>
    openExport(`${stopping.url}/exports/${name}`, { as: { userId: name } })
  const [quick, slow] = [await open('gated'), await open('parts')]
  const closed = stopping.app.close()
  expect(await text(quick)).toContain('001100')
  await closed
  await expect(text(slow)).rejects.toThrow('aborted')
  expect(stopping.lastLine('parts')).toMatchObject({ outcome: 'CLIENT_CLOSED_REQUEST' })
})
