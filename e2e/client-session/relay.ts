import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/**
 * What happens to a connection: it passes; it is cut at once; the request passes and its answer is
 * cut off; or it waits until the relay passes again.
 */
export type RelayMode = 'pass' | 'cut' | 'lose-answer' | 'hold'

/** A real TCP way to a server that can break. */
export interface Relay extends AsyncDisposable {
  readonly url: string
  /** Connections that wait. */
  readonly held: number
  /** Applies to new connections, after the first of them where `first` says otherwise. */
  become(mode: RelayMode, first?: RelayMode): void
  /** Nobody listens from now on, until `listen`. */
  close(): Promise<void>
  listen(): Promise<void>
}

export async function startRelay(targetUrl: string): Promise<Relay> {
  const target = new URL(targetUrl)
  const open = new Set<Socket>()
  const held = new Set<Socket>()
  let mode: RelayMode = 'pass'
  let next: RelayMode | undefined

  function handle(client: Socket, now: RelayMode) {
    if (now === 'cut') return client.destroy()
    if (now === 'hold') return held.add(client)
    const upstream = connect(Number(target.port), target.hostname)
    upstream.on('error', () => client.destroy())
    client.on('close', () => upstream.destroy())
    client.pipe(upstream)
    if (now === 'pass') return upstream.pipe(client)
    return upstream.once('data', () => client.destroy())
  }

  const server = createServer((client) => {
    open.add(client)
    client.on('error', () => client.destroy())
    client.on('close', () => {
      open.delete(client)
      held.delete(client)
    })
    handle(client, next ?? mode)
    next = undefined
  })
  let port = 0
  async function listen() {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    // oxlint-disable-next-line typescript/consistent-type-assertions -- a TCP server has no other address
    port = (server.address() as AddressInfo).port
  }
  async function close() {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  await listen()
  return {
    url: `http://127.0.0.1:${port}`,
    get held() {
      return held.size
    },
    become(changed, first) {
      mode = changed
      next = first
      for (const socket of open) if (!held.has(socket)) socket.destroy()
      if (mode !== 'pass') return
      for (const socket of held) handle(socket, mode)
      held.clear()
    },
    listen,
    close,
    [Symbol.asyncDispose]: close,
  }
}
