import { Client as Postgres } from 'pg'

import { createClient, type Client, type ClientOptions } from '@tautline/client'
import { startTestServer } from '@tautline/kit/testing'

import { startRelay, type Relay } from '../client-session/relay.ts'
import { parcelsApp, type ParcelsRouter } from './parcels-app.ts'

type Given<Options> = Options extends unknown ? Omit<Options, 'url'> : never

/** A client whose requests can be led over another way, and what it has sent. */
export interface WatchedClient {
  readonly client: Client<ParcelsRouter>
  /** When each request was sent, by `performance.now()`. */
  readonly sentAt: readonly number[]
  /** Sends all further requests there. */
  readonly lead: (url: string) => void
}

/** A real server with parcels in a real database. */
export async function startWorld() {
  const stack = new AsyncDisposableStack()
  const server = stack.use(await startTestServer(parcelsApp))
  const postgres = new Postgres({ connectionString: server.databaseUrl })
  await postgres.connect()
  stack.defer(() => postgres.end())
  await postgres.query('create table parcel (id text primary key, recipient text not null)')

  function watchedClient(options: Given<ClientOptions> = {}): WatchedClient {
    const sentAt: number[] = []
    let way = server.url
    const client = createClient<ParcelsRouter>({
      url: `${server.url}/rpc`,
      fetch(input, init) {
        sentAt.push(performance.now())
        const url = input instanceof Request ? input.url : input.toString()
        return fetch(url.replace(server.url, way), init)
      },
      ...options,
    })
    return {
      client,
      sentAt,
      lead: (url) => {
        way = url
      },
    }
  }

  return {
    watchedClient,
    startRelay: (): Promise<Relay> => startRelay(server.url),
    /** The parcels that were sent to somebody. */
    async parcelsTo(recipient: string) {
      const text = 'select id from parcel where recipient = $1'
      const { rows } = await postgres.query<{ id: string }>(text, [recipient])
      return rows
    },
    /** How the calls of a procedure have ended so far, by the server's log. */
    outcomes: (procedure: string) =>
      server.logs
        .filter((line) => line['procedure'] === procedure && 'outcome' in line)
        .map((line) => line['outcome']),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>
