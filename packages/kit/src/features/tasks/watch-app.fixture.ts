import { defineApp } from '../../app-definition.ts'
import { identityOf } from '../../rpc/handler-context.ts'
import { createWriter } from '../../tasks/follow.fixture.ts'
import { startTestServer } from '../../testing/index.ts'
import { openPeek } from './peek.fixture.ts'
import { tasks } from './tasks.ts'

const watchApp = defineApp({
  name: 'watch',
  version: '0.0.0',
  features: { tasks: tasks({ streams: 3 }) },
  identity: () => null,
  migrations: new URL('../../rpc/no-migrations.fixture/', import.meta.url),
})

/** A server whose tasks are written by the test, and by no worker. */
export async function startWatchServer() {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startTestServer(watchApp, { worker: false }))
  const peek = stack.use(await openPeek(server))
  const writer = createWriter(async (text) => (await peek.sql(text)).rows)
  const running = stack.move()
  return {
    ...server,
    ...writer,
    addTask: (userId: string, events = 0) =>
      writer.addTask({ owner: identityOf({ userId }), events }),
    gauges: () => server.app.metrics.snapshot().gauges,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export type WatchServer = Awaited<ReturnType<typeof startWatchServer>>
