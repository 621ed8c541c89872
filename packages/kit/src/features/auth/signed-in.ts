import type { z } from 'zod'

import type { Resources } from '../../resources.ts'
import { issueAccessToken } from './access-token.ts'
import type { Session } from './schema.ts'
import type { RefreshToken } from './session.ts'

/** What the procedures of `auth` work with. */
export interface AuthParts {
  /** What a signed-in user may do beside their roles, and may pass on to keys. */
  readonly scopes: readonly string[]
}

type SignedInUser = z.input<typeof Session>['user'] & { readonly roles: readonly string[] }

/** The answer to whoever has signed in: who they are, and the tokens of their session. */
export async function signedIn(
  resources: Pick<Resources, 'secrets' | 'clock'>,
  { scopes }: AuthParts,
  who: { readonly user: SignedInUser; readonly session: RefreshToken },
): Promise<z.input<typeof Session>> {
  const { sessionId, refreshToken, refreshExpiresAt } = who.session
  const { id: userId, roles } = who.user
  const access = await issueAccessToken(resources, { userId, sessionId, roles, scopes })
  return { user: who.user, ...access, refreshToken, refreshExpiresAt }
}
