import { startTestRedis } from '@tautline/kit/testing'

import { openFaultyWay } from '../faults/faulty-way.ts'
import { createDatabase } from '../faults/server-process.ts'
import { read, send } from '../limits/calls.ts'
import { signIn, signUp } from '../limits/flood.ts'
import { migrate, startServer } from '../limits/processes.ts'

/** One server on a Postgres that is well, and on a Redis that need not be. */
export async function startWorld(redis: 'real' | 'none') {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const server = stack.use(await startTestRedis())
  const way = stack.use(await openFaultyWay(() => server.port))
  await migrate(directUrl)
  const redisUrl = redis === 'real' ? `redis://127.0.0.1:${way.port}` : undefined
  const backend = stack.use(await startServer({ databaseUrl: directUrl, redisUrl }))
  const running = stack.move()
  return { backend, redis: server, way, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

export type World = Awaited<ReturnType<typeof startWorld>>

let people = 0

/** A user with a name of their own, and the calls of `effects-app.ts` as theirs. */
export async function somebody(url: string) {
  const name = `user-${++people}`
  const token = await signUp(url, name)
  const input = { way: name }
  return {
    signIn: () => signIn(url, name),
    /** How many rows they have left; kept by the cache. */
    async count(): Promise<number> {
      const { text } = await read(url, 'effects.count', { token, input })
      return numberIn(text)
    },
    /** Leaves a row, once for each key. Resolves to how many there are then. */
    async addOnce(key: string): Promise<number> {
      const { text } = await send(url, 'effects.addOnce', { token, input, key })
      return numberIn(text)
    },
    /** Whether the limit let it pass. */
    async addFew(): Promise<boolean> {
      const { outcomes, text } = await send(url, 'effects.addFew', { token, input })
      if (!/OK|RATE_LIMITED/.test(outcomes.join())) throw new Error(text)
      return outcomes[0] === 'OK'
    },
  }
}

export type Somebody = Awaited<ReturnType<typeof somebody>>

function numberIn(text: string): number {
  const [, number] = /"data":\{"json":(\d+)/.exec(text) ?? []
  if (number === undefined) throw new Error(text)
  return Number(number)
}
