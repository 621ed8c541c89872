import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

import { freePort } from '../rolling-restart/ports.ts'
import { shuffled } from './chance.ts'

/** A way to a server on this machine that can be made slow, cut, and closed. */
export interface FaultyWay extends AsyncDisposable {
  readonly port: number
  /** How late answers come through, and the end of a connection after them, in milliseconds. */
  delayMs: number
  /** Cuts half of the connections the hard way (RST), whichever. Returns how many those were. */
  cutHalf(): number
  /** Cuts all connections, and refuses new ones. */
  refuse(): Promise<void>
  /** Lets connections through again. */
  accept(): Promise<void>
}

/** Opens one to the port that `targetPort` names, asked for each connection: a server may move. */
export async function openFaultyWay(targetPort: () => number): Promise<FaultyWay> {
  const port = await freePort()
  const lines = new Set<readonly [near: Socket, far: Socket]>()
  const later = (work: () => void) => (way.delayMs === 0 ? work() : setTimeout(work, way.delayMs))
  const listener = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: targetPort(), host: '127.0.0.1', noDelay: true })
    const line = [near, far] as const
    lines.add(line)
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => later(() => near.write(bytes)))
    for (const socket of line) socket.on('error', () => socket.destroy())
    far.on('close', () => later(() => near.destroy()))
    near.on('close', () => {
      lines.delete(line)
      far.destroy()
    })
  })
  const way = {
    port,
    delayMs: 0,
    cutHalf: () => cutHalf([...lines]),
    async accept() {
      listener.listen(port, '127.0.0.1')
      await once(listener, 'listening')
    },
    async refuse() {
      const closed = once(listener, 'close')
      listener.close()
      for (const [near, far] of lines) for (const socket of [near, far]) socket.destroy()
      await closed
    },
    [Symbol.asyncDispose]: async () => {
      if (listener.listening) await way.refuse()
    },
  }
  await way.accept()
  return way
}

function cutHalf(lines: (readonly [Socket, Socket])[]): number {
  const half = shuffled(lines).slice(0, Math.ceil(lines.length / 2))
  for (const line of half) for (const socket of line) socket.resetAndDestroy()
  return half.length
}
