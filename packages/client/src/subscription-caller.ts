import type { CallError } from './call-error.ts'
import { createLeaving } from './leaving.ts'
import type { ConnectionState, StreamEvent, Subscribe } from './subscription.ts'
import { toCallError } from './to-call-error.ts'
import type { SubscribeOptions, SubscriptionCallbacks, Unsubscribable } from './types.ts'

type Callbacks = SubscriptionCallbacks<unknown, CallError>

interface Called {
  readonly path: string
  readonly input: unknown
}

/** `subscribe` of one procedure: with callbacks it begins at once, else with the first turn of the loop. */
export function subscriber(subscribe: Subscribe, path: string) {
  return (input?: unknown, options: SubscribeOptions | Callbacks = {}) =>
    'onData' in options
      ? callBack(subscribe, { path, input }, options)
      : iterate(subscribe, { path, input }, options)
}

/** A loop over it. Whoever leaves it while it waits is let go at once, and not with the next event. */
function iterate(
  subscribe: Subscribe,
  called: Called,
  { signal: callers, onState }: SubscribeOptions,
): AsyncIterableIterator<unknown> {
  const leaving = createLeaving(callers)
  let hasLeft = false

  async function* values(): AsyncGenerator<unknown, void> {
    try {
      for await (const event of subscribe({ ...called, signal: leaving.signal, onState })) {
        yield valueOf(event)
      }
    } catch (error) {
      if (!hasLeft) throw error
    } finally {
      leaving.end()
    }
  }

  const iterator = values()
  return {
    next: () => iterator.next(),
    return() {
      hasLeft = true
      leaving.leave()
      return iterator.return()
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

function callBack(subscribe: Subscribe, called: Called, callbacks: Callbacks): Unsubscribable {
  const leaving = createLeaving(callbacks.signal)
  const { signal } = leaving
  const isLeft = () => signal.aborted

  function onState(state: ConnectionState): void {
    if (isLeft()) return
    if (state.state === 'pending') tell(() => callbacks.onStarted?.())
    tell(() => callbacks.onConnectionStateChange?.(state))
  }

  async function read(): Promise<void> {
    try {
      for await (const event of subscribe({ ...called, signal, onState })) {
        if (isLeft()) break
        tell(() => callbacks.onData(valueOf(event)))
      }
      if (!isLeft()) tell(() => callbacks.onStopped?.())
    } catch (error) {
      if (!isLeft()) return tell(() => callbacks.onError?.(toCallError(error, 'query')))
    } finally {
      leaving.end()
    }
    tell(() => callbacks.onComplete?.())
  }

  read().catch(() => {}) // it has told what it failed with
  return { unsubscribe: () => leaving.leave() }
}

/** What a callback throws is its owner's affair, and not the subscription's. */
function tell(run: () => void): void {
  try {
    run()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** As tRPC has it: of a tracked event the id as well. */
function valueOf({ id, data }: StreamEvent): unknown {
  return id === undefined ? data : { id, data }
}
