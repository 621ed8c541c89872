import { commonErrors, Failure } from '@tautline/shared'

import { mutation, query } from '../../rpc/define.ts'
import { issueAccessToken } from './access-token.ts'
import type { PasswordHasher } from './password-hasher.ts'
import { findCredentials, findUser } from './queries.ts'
import { register } from './register.ts'
import {
  EMAIL_TAKEN,
  LoginInput,
  RegisterInput,
  Session,
  User,
  WRONG_CREDENTIALS,
} from './schema.ts'

/** A new user has neither. */
const NO_RIGHTS = { roles: [], scopes: [] }

export function createAuthRouter(hasher: PasswordHasher) {
  return {
    register: mutation({
      summary: 'Creates an account and signs in.',
      input: RegisterInput,
      output: Session,
      errors: [EMAIL_TAKEN],
      policy: { allow: 'public', transaction: 'none' },
      async run({ ctx, input }) {
        const { transaction, signal } = ctx
        const user = await register({ hasher, transaction, signal }, input)
        return { user, ...(await issueAccessToken(ctx, { userId: user.id, ...NO_RIGHTS })) }
      },
    }),

    login: mutation({
      summary: 'Signs in with email address and password.',
      input: LoginInput,
      output: Session,
      errors: [WRONG_CREDENTIALS],
      policy: { allow: 'public', transaction: 'none' },
      async run({ ctx, input }) {
        const found = await findCredentials(ctx.db, input.email)
        const matches = await hasher.verify(input.password, found?.passwordHash, ctx.signal)
        if (!found || !matches) throw new Failure(WRONG_CREDENTIALS)
        return { user: found, ...(await issueAccessToken(ctx, { userId: found.id, ...NO_RIGHTS })) }
      },
    }),

    me: query({
      summary: 'The signed-in user.',
      output: User,
      policy: { allow: 'user' },
      async run({ ctx }) {
        const user = await findUser(ctx.db, ctx.principal.userId)
        // The account is gone, so the token is nobody's any more.
        if (!user) throw new Failure(commonErrors.UNAUTHENTICATED)
        return user
      },
    }),
  }
}
