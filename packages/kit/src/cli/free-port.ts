import { createServer } from 'node:net'

/** Ports tried before giving up. */
const TRIES = 20

/** The first free port from `from` on, of 127.0.0.1. */
export async function findFreePort(from: number): Promise<number> {
  for (let port = from; port < from + TRIES; port++) if (await isFree(port)) return port
  throw new Error(`The ports from ${from} to ${from + TRIES - 1} are all taken; set PORT.`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
