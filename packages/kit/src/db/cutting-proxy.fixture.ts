import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

import { readStatements } from './frontend-messages.fixture.ts'

/**
 * When a connection is cut: before the statement goes on, or once its answer has come back. `silent`
 * lets the statement on and nothing after that, and tells nobody, as a dead network does.
 */
export type Moment = 'before' | 'answered' | 'silent'

export interface Cut {
  readonly at: RegExp
  readonly moment: Moment
  /** Cut off the hard way, as by a firewall or a crash (RST), instead of closed. */
  readonly reset?: boolean
}

/** A TCP proxy before Postgres that loses connections on demand. */
export interface CuttingProxy extends AsyncDisposable {
  /** The same connection string, through the proxy. */
  readonly url: string
  /** Cuts the next connection on which such a statement comes along, once. */
  cutNext(cut: Cut): void
  /** Connections cut so far. */
  readonly cuts: number
}

/** Proxies to the server of the connection string. Understands no TLS. */
export async function createCuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target)
  const lines = new Set<Line>()
  let pending: Cut | undefined
  let cuts = 0

  const server = createServer((client) => {
    const line = openLine(client, connect(Number(port), hostname), {
      cutAt(statement) {
        if (!pending?.at.test(statement)) return undefined
        const cut = pending
        pending = undefined
        cuts++
        return cut
      },
    })
    lines.add(line)
    client.on('close', () => lines.delete(line))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo // oxlint-disable-line typescript/consistent-type-assertions -- a TCP server has no other address
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)

  return {
    url: url.href,
    cutNext: (cut) => (pending = cut),
    get cuts() {
      return cuts
    },
    async [Symbol.asyncDispose]() {
      for (const line of lines) line.cut({ at: /./, moment: 'before' })
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}

interface Line {
  cut(how: Cut): void
}

/** Joins two sockets, and tells every statement before it goes on. */
function openLine(
  client: Socket,
  server: Socket,
  { cutAt }: { readonly cutAt: (statement: string) => Cut | undefined },
): Line {
  const read = readStatements()
  let awaited: Cut | undefined
  let silent = false

  function cut({ reset }: Cut) {
    server.destroy() // what was written before still arrives
    if (reset) client.resetAndDestroy()
    else client.destroy()
  }

  client.on('data', (chunk: Buffer) => {
    if (silent) return
    const found = read(chunk)
      .map((statement) => cutAt(statement))
      .find(Boolean)
    if (found?.moment === 'before') return cut(found)
    silent = found?.moment === 'silent'
    awaited ??= found
    server.write(chunk)
  })
  server.on('data', (chunk: Buffer) => {
    if (silent) return
    if (!awaited) client.write(chunk)
    else if (endsReady(chunk)) cut(awaited)
  })
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.on('error', () => {}) // 'close' follows
    one.on('close', () => other.destroy())
  }
  return { cut }
}

/** Whether the last message is ReadyForQuery: `Z`, its length 5, and one byte. */
function endsReady(chunk: Buffer): boolean {
  return chunk.at(-6) === 0x5a && chunk.at(-2) === 5
}
