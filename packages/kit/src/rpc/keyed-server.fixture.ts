import { readLanes } from '../app.ts'
import { createCuttingProxy } from '../db/cutting-proxy.fixture.ts'
import { createSharedDatabase } from '../db/shared-database.fixture.ts'
import type { Principal } from '../resources.ts'
import { startTestServer, type TestServerOptions } from '../testing/start-test-server.ts'
import { authorizationOf } from '../testing/test-identity.ts'
import { keyedApp } from './keyed-app.fixture.ts'
import { raw } from './raw-call.fixture.ts'

/** What is sent besides the path. */
export interface Sent {
  readonly key?: string
  readonly caller?: Partial<Principal>
  /** JSON text of the body. */
  readonly body: string
}

/** A running `keyedApp` whose way to the database can be cut. */
export async function startKeyedServer(settings: TestServerOptions['config'] = {}) {
  await using stack = new AsyncDisposableStack()
  const { config, ask } = stack.use(await createSharedDatabase(await readLanes(keyedApp)))
  const proxy = stack.use(await createCuttingProxy(config.url))
  const database = { ...config, url: proxy.url, poolSize: 5 }
  const server = stack.use(await startTestServer(keyedApp, { config: { database, ...settings } }))
  const running = stack.move()
  const countRows = async (text: string) => Number((await ask<{ count: string }>(text))[0]?.count)
  return {
    ...server,
    proxy,
    ask,
    /** How many orders there are. */
    orders: () => countRows('select count(*) from "order"'),
    /** How many outcomes are kept. */
    outcomes: () => countRows('select count(*) from tautline.idempotency'),
    /** Sends a call as a stock client would. */
    send: (path: string, { key, caller = {}, body }: Sent) =>
      raw(`${server.url}/rpc/${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: authorizationOf({ userId: 'anna', roles: [], scopes: [], ...caller }),
          ...(key !== undefined && { 'idempotency-key': key }),
        },
        body,
      }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
