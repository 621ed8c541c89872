import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port that is free now, and stays so while its server restarts: below those that the system
 * gives to outgoing connections, of which one could take it in between.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const probe = createServer()
    try {
      probe.listen(port, '127.0.0.1')
      await once(probe, 'listening')
      return port
    } catch {
      // taken
    } finally {
      probe.close()
    }
  }
}
