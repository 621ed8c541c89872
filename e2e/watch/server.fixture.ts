import { flushCompileCache } from 'node:module'

import { createApp, readConfig, type App } from '@tautline/kit'

import { app } from './watched-app.ts'

/*
 * A server in a process of its own. It is loaded before it is told where to serve, so that a restart
 * takes no longer than in production, where the code is compiled.
 */
let running: App | undefined

process.on('message', (port) => {
  serve(Number(port)).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`, () => process.exit(1))
  })
})
process.once('SIGTERM', () => {
  const closed = running?.close() ?? Promise.resolve()
  closed.then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
process.once('disconnect', () => process.exit(1))
flushCompileCache() // usually done at the end, which one that is killed has no time for
process.send?.('loaded')

async function serve(port: number): Promise<void> {
  running = await createApp(app, { ...(await readConfig()), port })
  await running.listen()
  process.send?.('listening')
}
