import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Leads to a server, and lets its answers through as late as `delayMs` says. */
export async function startSlowProxy(target: string) {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
    return socket
  }
  const proxy = {
    url: '',
    delayMs: 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
  const listener = createServer((near) => {
    const far = keep(connect(Number(port), hostname))
    keep(near).on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => {
      const pass = () => near.write(bytes)
      if (proxy.delayMs === 0) pass()
      else setTimeout(pass, proxy.delayMs)
    })
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  proxy.url = `redis://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  return proxy
}
