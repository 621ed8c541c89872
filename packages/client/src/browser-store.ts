import type { SessionStore, StoredSession } from './session-store.ts'

/** The part of a browser's `window` that a store needs. */
export interface StorageWindow {
  readonly localStorage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
  addEventListener(type: 'storage', listener: (event: StorageEvent) => void): void
  removeEventListener(type: 'storage', listener: (event: StorageEvent) => void): void
}

/**
 * Keeps the session in `localStorage` under `key`: it survives a reload, and all tabs of the origin
 * share it. What stands there and is no session counts as none. Reading and writing throw what
 * `localStorage` throws, such as `SecurityError` where the user forbids storage.
 */
export function browserStore(key: string, window: StorageWindow = globalThis): SessionStore {
  return {
    name: key,
    read: () => parse(window.localStorage.getItem(key)),
    write(session) {
      if (session) window.localStorage.setItem(key, JSON.stringify(session))
      else window.localStorage.removeItem(key)
    },
    subscribe(listener) {
      // Comes to the other tabs only; without a key when everything was cleared.
      const hear = (event: StorageEvent) => {
        if (event.key === key || event.key === null) listener()
      }
      window.addEventListener('storage', hear)
      return () => window.removeEventListener('storage', hear)
    },
  }
}

function parse(text: string | null): StoredSession | null {
  if (text === null) return null
  try {
    const value: unknown = JSON.parse(text)
    return isStored(value) ? value : null
  } catch {
    return null
  }
}

const kinds: Readonly<Record<keyof StoredSession, readonly string[]>> = {
  loginId: ['string'],
  accessToken: ['string'],
  expiresAtMs: ['number'],
  renewAtMs: ['number', 'null'],
  refreshToken: ['string'],
  refreshExpiresAtMs: ['number'],
}

function isStored(value: unknown): value is StoredSession {
  if (typeof value !== 'object' || value === null) return false
  const fields = new Map<string, unknown>(Object.entries(value))
  return Object.entries(kinds).every(([name, allowed]) => {
    const field = fields.get(name)
    return allowed.includes(field === null ? 'null' : typeof field)
  })
}
