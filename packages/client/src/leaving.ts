/** A signal of one's own, which aborts with another one as well. */
export interface Leaving {
  readonly signal: AbortSignal
  readonly leave: (reason?: unknown) => void
  /** Lets go of the other one. */
  readonly end: () => void
}

export function createLeaving(other: AbortSignal | undefined): Leaving {
  const own = new AbortController()
  const follow = () => own.abort(other?.reason)
  const end = () => other?.removeEventListener('abort', follow)
  if (other?.aborted) follow()
  else other?.addEventListener('abort', follow, { once: true })
  return {
    signal: own.signal,
    leave(reason) {
      own.abort(reason)
      end()
    },
    end,
  }
}
