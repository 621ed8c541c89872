import { createApp, readConfig } from '@tautline/kit'

import { app } from './counter-app.ts'

/** Longest that Redis may take, in milliseconds: on a small machine that others use it is late, not away. */
const PATIENCE_MS = 5_000

/* The backend in a process of its own, configured as in production but for its patience. */
const config = await readConfig()
const redis = config.redis && { ...config.redis, timeoutMs: PATIENCE_MS }
const server = await createApp(app, { ...config, redis })
process.once('SIGTERM', () => {
  server.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
await server.listen()
