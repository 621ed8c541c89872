import { createHash, randomBytes } from 'node:crypto'

/** 256 random bits that mean nothing by themselves, in 43 characters. */
export function createOpaqueToken(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * SHA-256: what the database keeps instead. Enough for a random token, which nobody can guess
 * however fast the hash is; a password needs argon2id.
 */
export function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
