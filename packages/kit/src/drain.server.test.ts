import { once } from 'node:events'
import { connect } from 'node:net'

import { expect, test } from 'vitest'

import { slowApp } from './slow-app.fixture.ts'
import { startTestServer } from './testing/index.ts'

test('a stop still answers everybody who has connected before it, accepted or not', async () => {
  // Longer than it takes this process, which is both ends, to send the requests.
  await using server = await startTestServer(slowApp, { config: { drainQuietMs: 1_500 } })
  const { host, hostname, port } = new URL(server.url)
  const sockets = Array.from({ length: 8 }, () => connect(Number(port), hostname))
  const answers = sockets.map((socket) => once(socket, 'data'))
  for (const socket of sockets) socket.write(`GET /livez HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  // By then the kernel has connected them, and no turn of the event loop has accepted one.
  await new Promise<void>((resolve) => process.nextTick(resolve))
  const closing = server.app.close()
  for (const answer of answers) expect(String((await answer)[0])).toMatch(/^HTTP\/1.1 200/)
  await closing
})
