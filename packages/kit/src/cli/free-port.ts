import { createServer } from 'node:net'

import { CliError } from './cli-error.ts'

/** Where a backend is looked for first. */
export const FIRST_PORT = 3000

/** Ports tried before giving up. */
const TRIES = 20

/** The first free port of `host` from `from` on; any for 0. Another program may be faster to take it. */
export async function findFreePort(from: number, host = '127.0.0.1'): Promise<number> {
  for (let candidate = from; candidate < from + TRIES; candidate++) {
    const port = await tryPort(candidate, host)
    if (port !== undefined) return port
  }
  throw new CliError(`The ports from ${from} to ${from + TRIES - 1} are all taken; set PORT.`)
}

function tryPort(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    // Whoever knocks meanwhile must not be left waiting, nor keep the probe open.
    const probe = createServer((socket) => socket.destroy())
    probe.once('error', () => resolve(undefined))
    probe.listen(port, host, () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}
