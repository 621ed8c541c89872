/** Fewer bytes than this are next to nothing: who moves them now and then does nothing all the same. */
const LEAST_BYTES = 65_536

/** How often is looked whether somebody does nothing, in milliseconds. */
const LOOK_EVERY_MS = 1_000

export interface StallOptions {
  /** How long we may wait for the next 65,536 bytes, all waits together, in milliseconds. */
  readonly stallTimeoutMs: number
  /** Told when that time is over. */
  readonly onStall: () => void
}

/** Adds up how long we have waited for somebody; while they wait for us, no time goes by. */
export interface StallWatch extends Disposable {
  begin(): void
  /** They have sent, or taken, so many bytes. */
  end(bytes: number): void
}

export function watchStall({ stallTimeoutMs, onStall }: StallOptions): StallWatch {
  let [waitedMs, bytes] = [0, 0]
  let since: number | undefined
  const current = () => (since === undefined ? 0 : performance.now() - since)
  const timer = setInterval(
    () => {
      if (waitedMs + current() > stallTimeoutMs) onStall()
    },
    Math.min(LOOK_EVERY_MS, stallTimeoutMs / 2),
  )
  return {
    begin() {
      since = performance.now()
    },
    end(more) {
      waitedMs += current()
      since = undefined
      bytes += more
      if (bytes >= LEAST_BYTES) [waitedMs, bytes] = [0, 0]
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
