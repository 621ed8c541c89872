import { z } from 'zod'

import { defineError } from '@tautline/shared'

/** Length first: an overlong string never meets the pattern. */
const Email = z.string().trim().toLowerCase().max(254).pipe(z.email())

const Password = z.string().min(10).max(200)

export const RegisterInput = z.strictObject({
  email: Email,
  password: Password,
  /** Composed (NFC), as a search for it is. */
  name: z.string().trim().normalize().min(1).max(100),
})

export const LoginInput = z.strictObject({ email: Email, password: z.string().max(200) })

export const User = z.object({
  id: z.uuid(),
  email: z.string(),
  name: z.string(),
  createdAt: z.date(),
})

export const Session = z.object({
  user: User,
  /** Goes into `Authorization: Bearer …`; good for ten minutes. */
  accessToken: z.string(),
  expiresAt: z.date(),
  /** Good for one `auth.refresh`, within thirty days. */
  refreshToken: z.string(),
  refreshExpiresAt: z.date(),
})

/** The same where the tokens are in cookies. */
export const CookieSession = Session.omit({ accessToken: true, refreshToken: true })

/** Any text: one that is no token of ours gets the answer that any other wrong one gets. */
export const RefreshInput = z.strictObject({ refreshToken: z.string().max(200) })

export const ChangePasswordInput = z.strictObject({
  currentPassword: z.string().max(200),
  newPassword: Password,
})

export const RequestResetInput = z.strictObject({ email: Email })

export const ResetInput = z.strictObject({ token: z.string().max(200), newPassword: Password })

const Scope = z.string().regex(/^[\w:.-]{1,64}$/)

export const ApiKeyInput = z.strictObject({
  name: z.string().trim().min(1).max(100),
  scopes: z.array(Scope).max(50),
  /** Default: the key does not expire. */
  expiresAt: z.date().optional(),
})

export const ApiKey = z.object({
  id: z.uuid(),
  name: z.string(),
  /** Stands in the key: what its owner knows it by. */
  prefix: z.string(),
  scopes: z.array(z.string()),
  createdAt: z.date(),
  /** To the minute. */
  lastUsedAt: z.date().nullable(),
  expiresAt: z.date().nullable(),
})

/** The only answer that has the key itself. */
export const NewApiKey = ApiKey.extend({ key: z.string() })

export const ApiKeyId = z.strictObject({ id: z.uuid() })

export const EMAIL_TAKEN = defineError('EMAIL_TAKEN', {
  code: 'CONFLICT',
  message: 'Somebody has registered with this email address.',
})

/** One answer for an unknown address and a wrong password. */
export const WRONG_CREDENTIALS = defineError('WRONG_CREDENTIALS', {
  code: 'UNAUTHORIZED',
  message: 'No account has this email address and password.',
})

/** One answer for a token that is unknown, used, expired or revoked. */
export const REFRESH_REFUSED = defineError('REFRESH_REFUSED', {
  code: 'UNAUTHORIZED',
  message: 'This refresh token is no longer good; sign in again.',
})

/** Not `retryable`: no client may try a password again by itself. */
export const TOO_MANY_ATTEMPTS = defineError('TOO_MANY_ATTEMPTS', {
  code: 'TOO_MANY_REQUESTS',
  message: 'Too many attempts for this address; wait before the next one.',
})

/** One answer for a token that is unknown, used or expired. */
export const RESET_REFUSED = defineError('RESET_REFUSED', {
  code: 'BAD_REQUEST',
  message: 'This password reset is no longer good; request another.',
})

export const SCOPE_NOT_HELD = defineError('SCOPE_NOT_HELD', {
  code: 'FORBIDDEN',
  message: 'A key cannot have a scope that its maker has not.',
})

export const TOO_MANY_API_KEYS = defineError('TOO_MANY_API_KEYS', {
  code: 'CONFLICT',
  message: 'This account has as many keys as it may; revoke one.',
})

export const NO_SUCH_API_KEY = defineError('NO_SUCH_API_KEY', {
  code: 'NOT_FOUND',
  message: 'You have no key with this id.',
})
