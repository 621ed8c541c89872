/** Fewer bytes than this are next to nothing: who moves them now and then does nothing all the same. */
const LEAST_BYTES = 65_536

/** What each second may be waited for, once somebody has been slow for long enough, in bytes. */
const LEAST_BYTES_PER_SECOND = 32_768

/** How often is looked whether somebody does nothing, in milliseconds. */
const LOOK_EVERY_MS = 1_000

export interface StallOptions {
  /** How long we may wait for the next 65,536 bytes, all waits together, in milliseconds. */
  readonly stallTimeoutMs: number
  /** And for all bytes, beside a second for each 32,768 of them, in milliseconds. */
  readonly slowTimeoutMs: number
  /** Told when that time is over. */
  readonly onStall: () => void
}

/** Adds up how long we have waited for somebody; while they wait for us, no time goes by. */
export interface StallWatch extends Disposable {
  begin(): void
  /** They have sent, or taken, so many bytes. */
  end(bytes: number): void
}

export function watchStall({ stallTimeoutMs, slowTimeoutMs, onStall }: StallOptions): StallWatch {
  const all = { waitedMs: 0, bytes: 0 }
  /** Since the last 65,536 bytes. */
  let recent = { waitedMs: 0, bytes: 0 }
  let since: number | undefined
  const current = () => (since === undefined ? 0 : performance.now() - since)
  const timer = setInterval(
    () => {
      const mayWaitMs = slowTimeoutMs + (all.bytes / LEAST_BYTES_PER_SECOND) * 1_000
      const isSilent = recent.waitedMs + current() > stallTimeoutMs
      if (isSilent || all.waitedMs + current() > mayWaitMs) onStall()
    },
    Math.min(LOOK_EVERY_MS, stallTimeoutMs / 2, slowTimeoutMs / 2),
  )
  return {
    begin() {
      since = performance.now()
    },
    end(bytes) {
      const waitedMs = current()
      since = undefined
      for (const sum of [all, recent]) {
        sum.waitedMs += waitedMs
        sum.bytes += bytes
      }
      if (recent.bytes >= LEAST_BYTES) recent = { waitedMs: 0, bytes: 0 }
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
