import { flushCompileCache } from 'node:module'

import { createApp, readConfig } from '@tautline/kit'

import { createEffectsApp, type Reached } from './effects-app.fixture.ts'
import type { Fate, Order } from './mortal-servers.ts'

/*
 * A server that ends as by `kill -9` when calls have come to a point for as many times as its parent
 * says. It is loaded before it is told to serve, so that a restart is quick.
 */
let fate: Fate | null = null
let times = 0
let isServing = false

const reached: Reached = (point) => {
  if (point === fate?.point && ++times >= fate.times) process.kill(process.pid, 'SIGKILL')
}

process.on('message', (message) => {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- `mortal-servers.ts` sends it
  const order = message as Order
  fate = order.fate
  if (isServing) return
  isServing = true
  serve(order.port).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`, () => process.exit(1))
  })
})
process.once('disconnect', () => process.exit(1))
flushCompileCache() // usually done at the end, which this one has no time for
process.send?.('loaded')

async function serve(port: number): Promise<void> {
  const config = { ...(await readConfig()), port }
  const server = await createApp(createEffectsApp(reached), config, { keyedCallObserver: reached })
  await server.listen()
}
