/** What a terminal, a supervisor or a closed window sends to end a process. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** One Ctrl-C may come twice, from the terminal and passed on by pnpm; this apart it is a second. */
const SECOND_AFTER_MS = 500

/** The wish of the user to end this process. */
export interface StopRequest {
  /** Resolves at the first stop signal. */
  readonly requested: Promise<void>
  isRequested(): boolean
  /** What a second signal does: it comes from somebody who cannot wait. */
  onImpatience(run: () => void): void
}

/** From now on a stop signal does not end the process, but is a request to it. */
export function listenForStop(): StopRequest {
  const { promise: requested, resolve } = Promise.withResolvers<void>()
  let firstAt: number | undefined
  let impatient = () => {}
  function onSignal() {
    if (firstAt !== undefined && performance.now() - firstAt > SECOND_AFTER_MS) impatient()
    firstAt ??= performance.now()
    resolve()
  }
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal)
  return {
    requested,
    isRequested: () => firstAt !== undefined,
    onImpatience(run) {
      impatient = run
    },
  }
}
