import type { SessionStore } from './session-store.ts'

/** Whether somebody is signed in. */
export type SessionState = 'signed-in' | 'signed-out'

export type SessionListener = (state: SessionState) => void

export interface SessionListeners {
  /** Calls `listener` after each change. Returns its own undo. */
  subscribe(listener: SessionListener): () => void
  /** Compares what is kept with what was told last, and tells the difference. */
  check(): void
}

export function stateOf(store: SessionStore): SessionState {
  return store.read() ? 'signed-in' : 'signed-out'
}

/** Who wants to know when the login changes. The store is listened to as long as somebody does. */
export function createListeners(store: SessionStore): SessionListeners {
  const listeners = new Set<SessionListener>()
  let told: string | undefined
  let leaveStore: (() => void) | undefined

  function check() {
    const loginId = store.read()?.loginId
    if (loginId === told) return
    told = loginId
    const state = loginId === undefined ? 'signed-out' : 'signed-in'
    for (const listener of listeners) {
      // Later, and each by itself: what a listener does or throws is not the session's affair.
      queueMicrotask(() => {
        if (listeners.has(listener)) listener(state)
      })
    }
  }

  return {
    check,
    subscribe(listener) {
      const own: SessionListener = (state) => listener(state) // the same one may subscribe twice
      if (listeners.size === 0) {
        told = store.read()?.loginId
        leaveStore = store.subscribe?.(check)
      }
      listeners.add(own)
      return () => {
        listeners.delete(own)
        if (listeners.size > 0) return
        leaveStore?.()
        leaveStore = undefined
      }
    },
  }
}
