import { createApp, readConfig } from '@tautline/kit'
import { app } from '@tautline/server/app'

/** How long the planted block is, in milliseconds. */
const BLOCK_MS = 200

/*
 * The reference backend in a process of its own, to which everybody is Anna. It tells its parent what
 * it has counted, and stands still for a moment when that wants it to.
 */
const server = await createApp(app, await readConfig(process.env, app), {
  identity: () => ({ userId: 'anna', roles: [], scopes: [] }),
})
const url = await server.listen()

process.on('message', (message) => {
  const startedAt = performance.now()
  if (message === 'block') while (performance.now() - startedAt < BLOCK_MS);
  const { counters, observed } = server.metrics.snapshot()
  process.send?.({
    blocks: counters.event_loop_blocked_total ?? 0,
    worstS: observed.event_loop_delay_seconds?.max ?? 0,
  })
})
process.once('disconnect', () => process.exit(1))
process.once('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
process.send?.({ url })
