import { hkdfSync } from 'node:crypto'

/** Keys derived from the one secret of the installation. */
export interface Secrets {
  /** 32 bytes for one purpose; knowing one key tells nothing about another (HKDF, RFC 5869). */
  key(purpose: string): Uint8Array
}

export function createSecrets(secret: string): Secrets {
  const keys = new Map<string, Uint8Array>()
  return {
    key(purpose) {
      const known = keys.get(purpose)
      if (known) return known
      // oxlint-disable-next-line tautline/no-sync-calls -- microseconds of hashing, once a purpose
      const key = new Uint8Array(hkdfSync('sha256', secret, '', `tautline:${purpose}`, 32))
      keys.set(purpose, key)
      return key
    },
  }
}
