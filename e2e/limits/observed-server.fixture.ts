import { createApp, readConfig } from '@tautline/kit'

import { app } from './effects-app.ts'

/** How often is looked at what may grow, in milliseconds. */
const LOOK_EVERY_MS = 2

/** What a process holds while it waits for somebody else. */
const HELD = /_(in_flight|waiting|queued)$/

/*
 * A backend in a process of its own, configured as in production, that tells its parent what no
 * answer may tell: its counters, its gauges, and how much it has held at the worst since the last look.
 * The first argument, where there is one, is how long a use of Redis may take, in milliseconds.
 */
const config = await readConfig()
const [, , timeoutMs] = process.argv
const redis =
  config.redis && timeoutMs !== undefined
    ? { ...config.redis, timeoutMs: Number(timeoutMs) }
    : config.redis
const server = await createApp(app, { ...config, redis })
let most: Record<string, number> = {}
setInterval(() => {
  for (const [name, value] of Object.entries(server.metrics.snapshot().gauges)) {
    if (HELD.test(name)) most[name] = Math.max(most[name] ?? 0, value)
  }
}, LOOK_EVERY_MS)

process.on('message', () => {
  const { counters, gauges } = server.metrics.snapshot()
  process.send?.({ counters, gauges, most })
  most = {}
})
process.once('disconnect', () => process.exit(1))
process.once('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
process.send?.({ url: await server.listen() })
