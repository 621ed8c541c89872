import { z } from 'zod'

import { commonErrors, Failure } from '@tautline/shared'

import { mutation, query } from '../../rpc/define.ts'
import { ownAccountOf } from './account.ts'
import { insertKey, listKeys, revokeKey } from './api-keys.ts'
import {
  ApiKey,
  ApiKeyId,
  ApiKeyInput,
  NewApiKey,
  NO_SUCH_API_KEY,
  SCOPE_NOT_HELD,
  TOO_MANY_API_KEYS,
} from './schema.ts'

/** Keys for programs. They are made, seen and revoked by who has signed in, never by a key. */
export function apiKeyProcedures() {
  return {
    createApiKey: mutation({
      summary: 'Makes a key for a program. This answer is the only one that has it.',
      input: ApiKeyInput,
      output: NewApiKey,
      errors: [SCOPE_NOT_HELD, TOO_MANY_API_KEYS],
      policy: { allow: 'user', fresh: true },
      async run({ ctx, input }) {
        const { principal, clock } = ctx
        const userId = ownAccountOf(principal)
        const { name, expiresAt = null } = input
        const now = clock.now()
        if (expiresAt && expiresAt <= now) throw inThePast()
        const scopes = [...new Set(input.scopes)]
        if (!scopes.every((scope) => principal.scopes.includes(scope))) {
          throw new Failure(SCOPE_NOT_HELD)
        }
        return insertKey(ctx.db, { userId, name, scopes, expiresAt }, now)
      },
    }),

    listApiKeys: query({
      summary: 'The keys of the caller that are not revoked, the newest first; at most fifty.',
      output: z.array(ApiKey),
      policy: { allow: 'user' },
      run: ({ ctx }) => listKeys(ctx.db, ownAccountOf(ctx.principal)),
    }),

    revokeApiKey: mutation({
      summary: 'Ends a key of the caller, from the next request on. The same again is no error.',
      input: ApiKeyId,
      output: z.void(),
      errors: [NO_SUCH_API_KEY],
      policy: { allow: 'user', fresh: true },
      async run({ ctx, input: { id } }) {
        const userId = ownAccountOf(ctx.principal)
        const revoked = await revokeKey(ctx.db, { userId, id }, ctx.clock.now())
        if (!revoked) throw new Failure(NO_SUCH_API_KEY)
      },
    }),
  }
}

function inThePast(): Failure {
  const message = 'A key cannot have expired before it is made.'
  const issue = { path: ['expiresAt'], code: 'in_the_past', message }
  return new Failure(commonErrors.BAD_INPUT, { issues: [issue] })
}
