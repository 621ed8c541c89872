import { createHash, hkdfSync } from 'node:crypto'

/** A derived key with the name under which what it has signed says so. */
export interface NamedKey {
  /** Short hash of the key; only ever compared with the names of keys that we hold. */
  readonly kid: string
  readonly key: Uint8Array
}

/** Keys derived from the one secret of the installation, and from the one before it. */
export interface Secrets {
  /**
   * 32 bytes for one purpose; knowing one key tells nothing about another (HKDF, RFC 5869). Always
   * of the current secret: what it has signed is refused once the secret is changed.
   */
  key(purpose: string): Uint8Array
  /** The same key with its name, for what must outlive a change of the secret. */
  signingKey(purpose: string): NamedKey
  /** The key of that name, of the current secret or the previous one; else undefined. */
  verifyingKey(purpose: string, kid: string): Uint8Array | undefined
}

/** `previous` verifies what it has signed, and signs nothing any more. */
export function createSecrets(secret: string, previous?: string): Secrets {
  const current = createKeys(secret)
  const all = [current, ...(previous === undefined ? [] : [createKeys(previous)])]
  return {
    key: (purpose) => current(purpose).key,
    signingKey: current,
    verifyingKey: (purpose, kid) =>
      all.map((keys) => keys(purpose)).find((named) => named.kid === kid)?.key,
  }
}

function createKeys(secret: string): (purpose: string) => NamedKey {
  const keys = new Map<string, NamedKey>()
  return (purpose) => {
    const known = keys.get(purpose)
    if (known) return known
    // oxlint-disable-next-line tautline/no-sync-calls -- microseconds of hashing, once a purpose
    const key = new Uint8Array(hkdfSync('sha256', secret, '', `tautline:${purpose}`, 32))
    const kid = createHash('sha256').update(key).digest('base64url').slice(0, 11)
    const named = { kid, key }
    keys.set(purpose, named)
    return named
  }
}
