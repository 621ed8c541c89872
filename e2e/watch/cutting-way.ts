import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

import { between } from '../faults/chance.ts'
import { freePort } from '../rolling-restart/ports.ts'

/** A way to a server that cuts connections after any byte of their answers. */
export interface CuttingWay extends AsyncDisposable {
  readonly port: number
  /** How many it has cut. */
  readonly cuts: number
  /** From now on it lets everything through. */
  calmDown(): void
}

/** `mostBytes`: after how many bytes a connection is cut at the latest. */
export async function openCuttingWay(targetPort: number, mostBytes: number): Promise<CuttingWay> {
  const port = await freePort()
  const open = new Set<Socket>()
  let cuts = 0
  let isCalm = false

  const listener = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true })
    let left = someBytes(mostBytes)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one)
      one.on('error', () => one.destroy())
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes: Buffer) => {
      if (isCalm || bytes.length < left) {
        left -= bytes.length
        near.write(bytes)
        return
      }
      cuts++
      far.destroy()
      // What was written before it comes through, and then the end, or a reset.
      near.write(bytes.subarray(0, left), () =>
        cuts % 2 ? near.destroy() : near.resetAndDestroy(),
      )
    })
  }).listen(port, '127.0.0.1')
  await once(listener, 'listening')

  return {
    port,
    get cuts() {
      return cuts
    },
    calmDown() {
      isCalm = true
    },
    async [Symbol.asyncDispose]() {
      const closed = once(listener, 'close')
      listener.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

/** Most often few, so that also the beginning of an answer is cut. */
function someBytes(most: number): number {
  return Math.ceil(most ** (between(55, 100) / 100))
}
