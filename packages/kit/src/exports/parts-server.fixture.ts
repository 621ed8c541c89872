import { request, type IncomingMessage } from 'node:http'

import { Client } from 'pg'

import {
  startTestServer,
  type TestCaller,
  type TestServerOptions,
} from '../testing/start-test-server.ts'
import { authorizationOf } from '../testing/test-identity.ts'
import { GATE, partsApp } from './parts-app.fixture.ts'

const OTHERS = `datname = current_database() and pid <> pg_backend_pid()
  and backend_type = 'client backend'`

/** A running `partsApp`, and a way to its database around it. */
export async function startPartsServer(options: TestServerOptions = {}) {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startTestServer(partsApp, options))
  const own = new Client({ connectionString: server.databaseUrl })
  own.on('error', () => {}) // a lost connection fails the query that is under way
  await own.connect()
  stack.defer(() => own.end())
  const running = stack.move()

  async function sessions(condition: string): Promise<number> {
    const { rows } = await own.query(
      `select pid from pg_stat_activity where ${OTHERS} and ${condition}`,
    )
    return rows.length
  }
  const gauge = (name: string) => server.app.metrics.snapshot().gauges[name] ?? 0

  return {
    ...server,
    gauge,
    /** What one column of one row says. */
    async ask(text: string): Promise<unknown> {
      const { rows } = await own.query<{ answer: unknown }>(text)
      return rows[0]?.answer
    },
    /** Lets no reader through until it is disposed of. */
    async closeGate(): Promise<AsyncDisposable> {
      await own.query('select pg_advisory_lock($1)', [GATE])
      const open = () => own.query('select pg_advisory_unlock_all()')
      return { [Symbol.asyncDispose]: async () => void (await open()) }
    },
    openTransactions: () => sessions('xact_start is not null'),
    waitingAtGate: () => sessions(`wait_event_type = 'Lock'`),
    /** Connections that somebody has borrowed. */
    inUse: () => gauge('db_pool_in_use'),
    /** The line of the last export of this name that has ended. */
    lastLine: (name: string) =>
      server.logs.findLast(
        (line) => line.kind === 'export' && line.procedure === `/exports/${name}`,
      ),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export interface ReadOptions {
  readonly as?: TestCaller
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Asks for an export. What comes after the head of the answer is read when the test reads it. */
export function openExport(
  url: string,
  { as, headers = {}, ...options }: ReadOptions = {},
): Promise<IncomingMessage> {
  const authorization = as && authorizationOf({ roles: [], scopes: [], ...as })
  return new Promise((resolve, reject) => {
    request(url, {
      ...options,
      agent: false,
      headers: { ...(authorization !== undefined && { authorization }), ...headers },
    })
      .on('response', resolve)
      .on('error', reject)
      .end()
  })
}
