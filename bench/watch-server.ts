import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

import { createApp, defineApp, readConfig, tasks } from '@tautline/kit'

/*
 * What readers of streams cost is measured in this process, which its parent asks by messages: a
 * backend with tasks to watch, or a bare HTTP server whose answers never end.
 */
export const app = defineApp({
  name: 'watch-memory',
  version: '0.0.0',
  features: { tasks: tasks({ streams: 10_000 }) },
  identity: () => ({ userId: 'anna', roles: [], scopes: [] }),
  migrations: new URL('./no-migrations/', import.meta.url),
})

async function serveApp(): Promise<string> {
  const running = await createApp(app, { ...(await readConfig()), port: 0 })
  return running.listen()
}

async function serveBare(): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('event: connected\ndata: {}\n\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

/** Of what is still used: several collections, because some of it lets go of more. */
async function memory(): Promise<NodeJS.MemoryUsage> {
  for (let n = 0; n < 4; n++) {
    globalThis.gc?.()
    await delay(200)
  }
  return process.memoryUsage()
}

process.on('message', () => {
  memory().then(
    (used) => process.send?.(used),
    () => process.exit(1),
  )
})
process.once('disconnect', () => process.exit(0))
if (process.send) process.send(await (process.argv[2] === 'bare' ? serveBare() : serveApp()))
