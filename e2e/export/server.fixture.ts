import { createApp, readConfig } from '@tautline/kit'
import { app } from '@tautline/server/app'

/** How often is looked, in milliseconds. */
const LOOK_EVERY_MS = 20

/*
 * The reference backend in a process of its own, to which everybody is Anna. It tells its parent,
 * whenever that asks, what no answer may tell: its memory, at the most so far, and what its exports
 * hold now.
 */
const server = await createApp(app, await readConfig(), {
  identity: () => ({ userId: 'anna', roles: [], scopes: [] }),
})
const url = await server.listen()
let rssBytes = process.memoryUsage.rss()
setInterval(() => {
  rssBytes = Math.max(rssBytes, process.memoryUsage.rss())
}, LOOK_EVERY_MS)

process.on('message', () => {
  const {
    exports_open: open,
    exports_reading: reading,
    ...others
  } = server.metrics.snapshot().gauges
  process.send?.({ rssBytes, open, reading, inUse: others.db_pool_in_use })
})
process.once('disconnect', () => process.exit(1))
process.once('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
process.send?.({ url })
