import { createApp, readConfig } from '@tautline/kit'

import { ledgerApp } from './ledger-app.ts'

/** How often is looked, in milliseconds. */
const LOOK_EVERY_MS = 20

/*
 * The server in a process of its own, which tells its parent, whenever that asks, what no answer may
 * tell: how much memory it took and how many requests waited, at the worst since the last time.
 */
const server = await createApp(ledgerApp, await readConfig())
let worst = { rssBytes: 0, queued: 0, running: 0 }
setInterval(() => {
  const { gauges } = server.metrics.snapshot()
  worst = {
    rssBytes: Math.max(worst.rssBytes, process.memoryUsage.rss()),
    queued: Math.max(worst.queued, gauges.admission_queued ?? 0),
    running: Math.max(worst.running, gauges.admission_running ?? 0),
  }
}, LOOK_EVERY_MS)

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ ...worst, cpuMs: (user + system) / 1_000 })
  worst = { rssBytes: 0, queued: 0, running: 0 }
})
process.once('disconnect', () => process.exit(1))
process.once('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
process.send?.({ url: await server.listen() })
