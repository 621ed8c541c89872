import { hashSync, verifySync } from '@node-rs/argon2'

/** What the threads of the password hasher are asked. */
export type HashJob =
  | { readonly kind: 'hash'; readonly password: string }
  | { readonly kind: 'verify'; readonly password: string; readonly hash: string }

/**
 * 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet); the library's algorithm is
 * argon2id where none is named.
 */
const PARAMETERS = {
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
}

/** Runs in a thread that has nothing else to do, so it may block. */
// oxlint-disable-next-line import/no-default-export -- piscina calls the default export
export default function work(job: HashJob): string | boolean {
  // oxlint-disable-next-line tautline/no-sync-calls -- the thread is there for this
  if (job.kind === 'hash') return hashSync(job.password, PARAMETERS)
  // oxlint-disable-next-line tautline/no-sync-calls -- the thread is there for this
  return verifySync(job.hash, job.password)
}
