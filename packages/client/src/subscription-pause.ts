import { backoffMs } from '@tautline/shared'

/** Before each connection after a first one, in milliseconds: at least, and what chance adds. */
const WAIT = { minMs: 100, baseMs: 200, capMs: 900 }

/** After so long there is no hurry any more, in milliseconds. */
const LONG_MS = 20_000

/** What chance adds then, in milliseconds. */
const LONG_WAIT = { baseMs: 5_000, capMs: 5_000 }

/** A server that says when to come back is not asked before, and by all at once neither. */
const LATE_BY = 0.2

/** How long to wait before a subscription is connected again. */
export interface Pause {
  /** There is a server again. */
  connected(): void
  /** Something has come: whatever failed before is over. */
  lives(): void
  /** The connection has ended without an error; the server may have said when it wants its reader back. */
  ended(retryMs: number | undefined): void
  /** It has failed; the server may have said how long to wait. */
  failed(retryAfterMs: number | undefined): void
  /** It was refused for its token, and there is another one. False if that did not help before. */
  renewed(): boolean
  /** Of the next wait, in milliseconds. */
  readonly ms: number
}

/** A server that comes back within 20 s has its readers again within two. */
export function createPause(): Pause {
  let failures = 0
  let failingSince = Infinity
  let hasRenewed = false
  let ms = 0

  function wait(asked: number | undefined): void {
    failingSince = Math.min(failingSince, performance.now())
    const isLong = performance.now() - failingSince > LONG_MS
    ms = asked ?? WAIT.minMs + backoffMs(failures, isLong ? LONG_WAIT : WAIT)
    failures++
  }

  return {
    get ms() {
      return ms
    },
    connected() {
      failingSince = Infinity
    },
    lives() {
      failures = 0
      hasRenewed = false
    },
    ended: wait, // those who are sent away without an event do not come back at once for ever
    failed(retryAfterMs) {
      wait(retryAfterMs && retryAfterMs * (1 + LATE_BY * Math.random()))
    },
    renewed() {
      if (hasRenewed) return false
      hasRenewed = true
      ms = 0
      return true
    },
  }
}
