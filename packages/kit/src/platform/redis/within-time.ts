import { RedisUnavailableError } from './redis-error.ts'

/**
 * The promise's result, or a `RedisUnavailableError` after so many milliseconds. What has arrived
 * by then counts, also where this process was too busy to look: the socket is read once more.
 */
export function withinTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new RedisUnavailableError('timeout'))
    const timer = setTimeout(() => setImmediate(late), timeoutMs)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
