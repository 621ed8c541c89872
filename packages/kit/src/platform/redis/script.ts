import { createHash } from 'node:crypto'

import type { Redis } from 'ioredis'

import { replyCode } from './redis-error.ts'

/** A Lua script that Redis runs as one step. */
export interface Script {
  /** Resolves to its reply. Sent by its hash, and whole to a server that does not know it yet. */
  run(client: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>
}

export function createScript(lua: string): Script {
  const sha = createHash('sha1').update(lua).digest('hex')
  return {
    async run(client, keys, args) {
      try {
        return await client.evalsha(sha, keys.length, ...keys, ...args)
      } catch (error) {
        if (replyCode(error) !== 'NOSCRIPT') throw error
        return client.eval(lua, keys.length, ...keys, ...args)
      }
    },
  }
}
