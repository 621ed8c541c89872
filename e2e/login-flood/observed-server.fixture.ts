import { createApp, readConfig } from '@tautline/kit'
import { app } from '@tautline/server/app'

/** How often is looked, in milliseconds: a place in the queue is taken for 30 and more. */
const LOOK_EVERY_MS = 2

/*
 * The reference backend in a process of its own, which tells its parent what no answer may tell:
 * how many passwords have waited to be hashed, at the worst.
 */
const server = await createApp(app, await readConfig())
let mostWaiting = 0
setInterval(() => {
  const { auth_password_jobs_waiting: waiting = 0 } = server.metrics.snapshot().gauges
  mostWaiting = Math.max(mostWaiting, waiting)
}, LOOK_EVERY_MS)

process.on('message', () => process.send?.({ mostWaiting }))
process.once('disconnect', () => process.exit(1))
process.once('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
process.send?.({ url: await server.listen() })
