import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to Postgres on which answers can be kept back. */
export interface HoldingWay extends AsyncDisposable {
  /** The same connection string, by this way. */
  readonly url: string
  /** How many pieces of answers are kept back. */
  readonly held: number
  hold(): void
  release(): void
}

export async function openHoldingWay(target: string): Promise<HoldingWay> {
  const { hostname, port } = new URL(target)
  const open = new Set<Socket>()
  let held: (() => void)[] = []
  let isHolding = false

  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => {
      if (isHolding) held.push(() => near.write(bytes))
      else near.write(bytes)
    })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one)
      one.on('error', () => {}) // 'close' follows
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo // oxlint-disable-line typescript/consistent-type-assertions -- a TCP server has no other address
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)

  return {
    url: url.href,
    get held() {
      return held.length
    },
    hold() {
      isHolding = true
    },
    release() {
      isHolding = false
      for (const write of held) write()
      held = []
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
