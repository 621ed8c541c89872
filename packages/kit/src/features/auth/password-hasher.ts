import { availableParallelism, platform } from 'node:os'

import { Piscina } from 'piscina'

import { commonErrors, Failure } from '@tautline/shared'

import { orAborted } from '../../platform/abort.ts'
import type { CallContext } from '../../resources.ts'
import type { HashJob } from './hash-worker.ts'

/** Jobs that wait at most; one more is refused, because it would wait longer than anybody does. */
const MAX_QUEUE = 20

/** A hash takes about 30 ms of a core. */
const RETRY_AFTER_MS = 1_000

/**
 * By how much the threads that hash give way to the one that answers, on a core that they share.
 * Elsewhere than on Linux it would be the whole process that gives way.
 */
const NICE = platform() === 'linux' ? 10 : 0

/** Of a random password that was thrown away; checked where there is no account. */
const NOBODYS_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$D5Q8Lt2qKYnjv/5U+G0lnw$wRdJehAVmG7vPpL5besuqtNcohh7AyjaH7lgVGEglxA'

/** For whom a password is hashed: no address may fill the queue by itself. */
export type HashCaller = Pick<CallContext, 'signal' | 'address'>

/**
 * Hashes and checks passwords, each in about 30 ms and 19 MiB. Both throw `OVERLOADED` when too many
 * are waiting, or too many of this caller's address: it may have half as many jobs as there are
 * places free, so that however many come from a few addresses, some places are left for others.
 */
export interface PasswordHasher {
  hash(password: string, caller: HashCaller): Promise<string>
  /** Takes as long for no hash at all, so that time does not tell who has an account. */
  verify(password: string, hash: string | undefined, caller: HashCaller): Promise<boolean>
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
    niceIncrement: NICE,
  })
  const held = new Map<string, number>() // by address; as many as jobs at most

  async function run(job: HashJob, { signal, address }: HashCaller): Promise<string | boolean> {
    signal.throwIfAborted()
    const own = held.get(address) ?? 0
    if (own * 2 >= MAX_QUEUE - pool.queueSize) {
      throw new Failure(commonErrors.OVERLOADED, { retryAfterMs: RETRY_AFTER_MS })
    }
    held.set(address, own + 1)
    const answer = pool.run(job).finally(() => giveBack(address))
    // A caller who leaves keeps their place until the job is done: to end it would be to end its
    // thread, and to start another costs more.
    return orAborted(answer, signal)
  }

  function giveBack(address: string): void {
    const own = held.get(address) ?? 0
    if (own > 1) held.set(address, own - 1)
    else held.delete(address)
  }

  return {
    hash: async (password, caller) => String(await run({ kind: 'hash', password }, caller)),
    async verify(password, known, caller) {
      const matches = await run({ kind: 'verify', password, hash: known ?? NOBODYS_HASH }, caller)
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
