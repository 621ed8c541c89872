import { expect, test } from 'vitest'

import { createClient } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

import { startServerProcess } from '../faults/server-process.ts'
import { startCanary } from './canary.ts'
import { startSlowSocket } from './slow-socket.ts'

const FULL = process.env.TEST_FULL === '1'

const SOCKETS = FULL ? 2_000 : 200
const HEADERS_TIMEOUT_MS = 4_000
const REQUEST_TIMEOUT_MS = 8_000

/** Node looks for overdue requests once a second; the rest is for a machine that is busy. */
const MARGIN_MS = 3_000

/** Times are measured on a machine that does nothing else; elsewhere it is enough that all ends. */
const bound = (ms: number) => (FULL ? ms : Infinity)

/** Calls before the attack, with which those during it are compared. */
const CALLS_AT_REST = 500

const HEADERS = 'POST /rpc/auth.login HTTP/1.1\r\nHost: x\r\nX-Slow: '
const BODY =
  'POST /rpc/auth.login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
  'Content-Length: 100000\r\n\r\n{"json":"'

test('clients that send headers or bodies byte by byte are closed in time and disturb nobody', async () => {
  const server = await startServerProcess(undefined, {
    TAUTLINE_HEADERS_TIMEOUT_MS: String(HEADERS_TIMEOUT_MS),
    TAUTLINE_REQUEST_TIMEOUT_MS: String(REQUEST_TIMEOUT_MS),
  })
  await using stack = new AsyncDisposableStack()
  stack.use(server)
  const call = await createCall(server.url)

  const resting = startCanary(call)
  await expect.poll(resting.calls, { timeout: 60_000 }).toBeGreaterThan(CALLS_AT_REST)
  const atRest = await resting.stop()

  const canary = startCanary(call)
  const slow = Array.from({ length: SOCKETS }, (_, index) =>
    startSlowSocket(server.url, index % 2 === 0 ? HEADERS : BODY),
  )
  stack.defer(() => slow.forEach((socket) => socket.destroy()))
  await Promise.all(slow.map(({ begun }) => begun))
  const ends = await Promise.all(slow.map(({ ended }) => ended))
  const underAttack = await canary.stop()

  // Who sends a byte just then loses the answer to the reset of the connection.
  for (const { answer } of ends) expect(answer).toMatch(/^(HTTP\/1\.1 408 |$)/)
  expect(ends.some(({ answer }) => answer !== '')).toBe(true)
  // They really held on, all at the same time, and the canary was there all the while.
  const livedMs = (from: number) => ends.filter((_, i) => i % 2 === from).map((end) => end.livedMs)
  expect(Math.min(...livedMs(0))).toBeGreaterThan(HEADERS_TIMEOUT_MS / 2)
  expect(Math.min(...livedMs(1))).toBeGreaterThan(REQUEST_TIMEOUT_MS / 2)
  expect(underAttack.calls).toBeGreaterThan(100)
  expect([atRest.failed, underAttack.failed]).toEqual([0, 0])
  expect(Math.max(...livedMs(0))).toBeLessThan(bound(HEADERS_TIMEOUT_MS + MARGIN_MS))
  expect(Math.max(...livedMs(1))).toBeLessThan(bound(REQUEST_TIMEOUT_MS + MARGIN_MS))
  expect(underAttack.p99Ms).toBeLessThanOrEqual(bound(2 * atRest.p99Ms))

  // Had one of them left a request behind, the stop would wait for it and then say so.
  await server[Symbol.asyncDispose]()
  expect(server.ended()).toBe(0)
  expect(server.logs.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
})

/** Something that a signed-in client does all day: it reads one item. */
async function createCall(url: string): Promise<() => Promise<unknown>> {
  let token: string | null = null
  const client = createClient<AppRouter>({ url: `${url}/rpc`, retry: false, auth: () => token })
  const registered = await client.auth.register.mutate({
    email: 'canary@example.com',
    name: 'Canary',
    password: 'correct horse battery',
  })
  token = registered.accessToken
  const { id } = await client.items.create.mutate({ sku: 'c', name: 'Canary', priceMinor: 1n })
  return () => client.items.get.query({ id })
}
