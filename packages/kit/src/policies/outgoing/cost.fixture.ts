import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

import { Agent } from 'undici'

import { systemClock } from '../../platform/clock.ts'
import { measure } from '../../platform/cost.fixture.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createOutgoing } from './outgoing.ts'

/** What an outgoing call costs beside plain undici's, for `bench/policies.ts`: in one run, in turn. */

const SERVICE = `
  const { createServer } = require('node:http')
  const { parentPort } = require('node:worker_threads')
  const server = createServer((_, response) => response.end('{"answer":42}'))
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`
const TIMES = 3_000

const service = new Worker(SERVICE, { eval: true })
const [port]: unknown[] = await once(service, 'message')
const origin = `http://127.0.0.1:${String(port)}`

const agent = new Agent({ connections: 20 })
const outgoing = createOutgoing({
  metrics: createMetrics(),
  log: createLogger('silent'),
  clock: systemClock,
  allow: [`127.0.0.1:${String(port)}`],
})

async function plain(): Promise<void> {
  const { body } = await agent.request({ origin, path: '/', method: 'GET' })
  await body.bytes()
}

const guarded = () => outgoing.fetch(origin)

for (const atOnce of [1, 10]) {
  await measure('outgoing: undici alone', { times: TIMES, atOnce }, plain)
  await measure('outgoing: the whole call', { times: TIMES, atOnce }, guarded)
}

await outgoing.close()
await agent.close()
await service.terminate()
