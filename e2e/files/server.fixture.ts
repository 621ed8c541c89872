import { createApp, readConfig } from '@tautline/kit'

import { app } from './own-app.ts'

/** How often is looked, in milliseconds. */
const LOOK_EVERY_MS = 20

/*
 * The backend of `own-app.ts` in a process of its own. It tells its parent, whenever that asks, what no
 * answer may tell: its memory, at the most since it was asked last, and what it has open.
 */
const server = await createApp(app, await readConfig())
const url = await server.listen()
let rssBytes = process.memoryUsage.rss()
setInterval(() => {
  rssBytes = Math.max(rssBytes, process.memoryUsage.rss())
}, LOOK_EVERY_MS)

process.on('message', () => {
  const { file_uploads_open: uploads, file_downloads_open: downloads } =
    server.metrics.snapshot().gauges
  process.send?.({ rssBytes, uploads, downloads })
  rssBytes = process.memoryUsage.rss()
})
process.once('disconnect', () => process.exit(1))
process.once('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
process.send?.({ url })
