import { z } from 'zod'

import { defineError } from '@tautline/shared'

/** Length first: an overlong string never meets the pattern. */
const Email = z.string().trim().toLowerCase().max(254).pipe(z.email())

const Password = z.string().min(10).max(200)

export const RegisterInput = z.strictObject({
  email: Email,
  password: Password,
  name: z.string().trim().min(1).max(100),
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
  /** Goes into `Authorization: Bearer …`. */
  accessToken: z.string(),
  expiresAt: z.date(),
})

export const EMAIL_TAKEN = defineError('EMAIL_TAKEN', {
  code: 'CONFLICT',
  message: 'Somebody has registered with this email address.',
})

/** One answer for an unknown address and a wrong password. */
export const WRONG_CREDENTIALS = defineError('WRONG_CREDENTIALS', {
  code: 'UNAUTHORIZED',
  message: 'No account has this email address and password.',
})
