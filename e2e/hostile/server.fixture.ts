import { createApp, readConfig } from '@tautline/kit'
import { app } from '@tautline/server/app'

/**
 * The reference backend in a process of its own, which tells its parent what no answer may tell:
 * how much it remembers, and what its prototypes look like. Needs `--expose-gc`.
 */
const server = await createApp(app, await readConfig())
const url = await server.listen()

process.on('message', (question) => process.send?.({ question, ...answers() }))
process.once('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
process.send?.({ url })

function answers() {
  // What one collection frees may have held something that only the next one finds.
  for (let round = 0; round < 3; round++) globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return {
    heapBytes: heapUsed + external,
    prototype: Reflect.ownKeys(Object.prototype).map(String),
    inFlight: server.metrics.snapshot().gauges.http_requests_in_flight ?? 0,
  }
}
