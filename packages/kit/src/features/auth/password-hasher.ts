import { availableParallelism } from 'node:os'

import { Piscina } from 'piscina'

import { commonErrors, Failure } from '@tautline/shared'

import type { HashJob } from './hash-worker.ts'

/** Jobs that wait at most; one more is refused, because it would wait longer than anybody does. */
const MAX_QUEUE = 20

/** A hash takes about 30 ms of a core. */
const RETRY_AFTER_MS = 1_000

/** Of a random password that was thrown away; checked where there is no account. */
const NOBODYS_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$D5Q8Lt2qKYnjv/5U+G0lnw$wRdJehAVmG7vPpL5besuqtNcohh7AyjaH7lgVGEglxA'

/** Hashes and checks passwords, each in about 30 ms and 19 MiB. */
export interface PasswordHasher {
  /** Throws `OVERLOADED` when too many are waiting. */
  hash(password: string, signal: AbortSignal): Promise<string>
  /** Takes as long for no hash at all, so that time does not tell who has an account. */
  verify(password: string, hash: string | undefined, signal: AbortSignal): Promise<boolean>
  readonly waiting: number
}

/**
 * argon2id in threads of its own, all cores but one: in libuv's pool, which reads files and looks
 * up names too, a hundred waiting hashes delay a file read by seconds. The threads start with the
 * first password, end when idle, and never keep a process alive.
 */
export function createPasswordHasher(): PasswordHasher {
  const pool = new Piscina<HashJob, string | boolean>({
    filename: workerFile(),
    minThreads: 0,
    maxThreads: Math.max(1, availableParallelism() - 1),
    maxQueue: MAX_QUEUE,
    idleTimeout: 10_000,
  })
  async function run(job: HashJob, signal: AbortSignal): Promise<string | boolean> {
    if (pool.queueSize >= MAX_QUEUE) {
      throw new Failure(commonErrors.OVERLOADED, { retryAfterMs: RETRY_AFTER_MS })
    }
    return pool.run(job, { signal })
  }

  return {
    hash: async (password, signal) => String(await run({ kind: 'hash', password }, signal)),
    async verify(password, known, signal) {
      const matches = await run({ kind: 'verify', password, hash: known ?? NOBODYS_HASH }, signal)
      return matches === true && known !== undefined
    },
    get waiting() {
      return pool.queueSize
    },
  }
}

/** The worker beside this file: `.ts` from source, `.js` once built. */
function workerFile(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./hash-worker.${extension}`, import.meta.url).href
}
