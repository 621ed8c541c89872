import { commonErrors, Failure } from '@tautline/shared'

import { mutation, query } from '../../rpc/define.ts'
import { accountOf } from './account.ts'
import { findUser } from './queries.ts'
import {
  EMAIL_TAKEN,
  LoginInput,
  RegisterInput,
  Session,
  TOO_MANY_ATTEMPTS,
  User,
  WRONG_CREDENTIALS,
} from './schema.ts'
import { register, signIn, type SignInParts } from './sign-in.ts'

/** Who somebody is. No transaction is open while a password is hashed. */
export function signInProcedures(parts: SignInParts) {
  return {
    register: mutation({
      summary: 'Creates an account and signs in.',
      input: RegisterInput,
      output: Session,
      errors: [EMAIL_TAKEN, TOO_MANY_ATTEMPTS],
      policy: { allow: 'public', transaction: 'none' },
      run: ({ ctx, input }) => register(ctx, parts, input),
    }),

    login: mutation({
      summary: 'Signs in with email address and password.',
      input: LoginInput,
      output: Session,
      errors: [WRONG_CREDENTIALS, TOO_MANY_ATTEMPTS],
      policy: { allow: 'public', transaction: 'none' },
      run: ({ ctx, input }) => signIn(ctx, parts, input),
    }),

    me: query({
      summary: 'The signed-in user.',
      output: User,
      policy: { allow: 'user' },
      async run({ ctx }) {
        const user = await findUser(ctx.db, accountOf(ctx.principal))
        // The account is gone, so the token is nobody's any more.
        if (!user) throw new Failure(commonErrors.UNAUTHENTICATED)
        return user
      },
    }),
  }
}
