import { Writable } from 'node:stream'

import { startTestRedis, type TestRedisOptions } from '../../testing/test-redis.ts'
import { createLogger } from '../logger.ts'
import { createMetrics } from '../metrics.ts'
import { createRedis } from './redis.ts'
import { startSlowProxy } from './slow-proxy.fixture.ts'

export interface StartRedisOptions extends TestRedisOptions {
  /** Left out where a test is about how long a use may take. */
  readonly timeoutMs?: number
}

/** A machine under load is to fail no test that is not about time. */
export const PATIENT = { timeoutMs: 5_000 }

/** A real Redis, a slow way to it, and this process' connection. */
export async function startRedis(options: StartRedisOptions = {}) {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startTestRedis(options))
  const proxy = stack.use(await startSlowProxy(server.url))
  const connected = stack.use(openRedis(proxy.url, options.timeoutMs))
  await connected.redis.connect()
  const running = stack.move()
  return { server, proxy, ...connected, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** A connection with a log and metrics to look at; it is not made yet. */
export function openRedis(url: string, timeoutMs?: number) {
  const lines: string[] = []
  const output = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString())
      done()
    },
  })
  const metrics = createMetrics()
  const log = createLogger('info', output)
  const redis = createRedis({ url, keyPrefix: 'test:', timeoutMs }, { log, metrics })
  return { redis, metrics, log, lines, [Symbol.asyncDispose]: () => redis.close() }
}

/** How long something takes, in milliseconds, and how it ends. */
export async function timedOutcome(promise: Promise<unknown>) {
  const startedAt = performance.now()
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { tookMs: performance.now() - startedAt, error }
}
