import { z } from 'zod'

import { commonErrors, defineError, Failure, mutation, type Identity } from '@tautline/kit'

const REFRESH_REFUSED = defineError('REFRESH_REFUSED', {
  code: 'UNAUTHORIZED',
  message: 'This refresh token is not good any more.',
})

const Tokens = z.object({
  accessToken: z.string(),
  expiresAt: z.date(),
  refreshToken: z.string(),
  refreshExpiresAt: z.date(),
})

const REFRESH_TTL_MS = 30 * 86_400_000

/** A token that was used is taken once more for this long: its answer may have been lost. */
const GRACE_MS = 10_000

/** The tokens that a server has given out, with the switches that a test needs. */
export function createTokenBook() {
  const access = new Map<string, { userId: string; expiresAtMs: number }>()
  const refreshable = new Map<string, { userId: string; usedAtMs?: number }>()
  const control = { accessTtlMs: 600_000, away: false }

  const identity: Identity = ({ headers }) => {
    const found = access.get(headers.authorization?.replace(/^Bearer /, '') ?? '')
    if (!found || found.expiresAtMs <= Date.now()) return null
    return { userId: found.userId, roles: [], scopes: [] }
  }

  return {
    control,
    identity,
    issue(userId: string) {
      const [accessToken, refreshToken] = [crypto.randomUUID(), crypto.randomUUID()]
      const expiresAtMs = Date.now() + control.accessTtlMs
      access.set(accessToken, { userId, expiresAtMs })
      refreshable.set(refreshToken, { userId })
      const refreshExpiresAt = new Date(Date.now() + REFRESH_TTL_MS)
      return { accessToken, expiresAt: new Date(expiresAtMs), refreshToken, refreshExpiresAt }
    },
    /** Whose token it was. Throws `REFRESH_REFUSED`. */
    useUp(refreshToken: string): string {
      const found = refreshable.get(refreshToken)
      const usedAtMs = found?.usedAtMs ?? Date.now()
      if (!found || Date.now() > usedAtMs + GRACE_MS) throw new Failure(REFRESH_REFUSED)
      refreshable.set(refreshToken, { ...found, usedAtMs })
      return found.userId
    },
    /** From now on every access token given out so far is refused. */
    forgetAccess: () => access.clear(),
    forgetRefresh: () => refreshable.clear(),
  }
}

type TokenBook = ReturnType<typeof createTokenBook>

/** Procedures to sign in and to go on, as `auth` has them. */
export const createTokenRouter = (book: TokenBook) => ({
  login: mutation({
    summary: 'Signs in as anybody.',
    input: z.strictObject({ name: z.string() }),
    output: Tokens,
    policy: { allow: 'public' },
    run: async ({ input }) => book.issue(input.name),
  }),
  refresh: mutation({
    summary: 'Gives new tokens for a refresh token.',
    input: z.strictObject({ refreshToken: z.string() }),
    output: Tokens,
    errors: [REFRESH_REFUSED],
    policy: { allow: 'public' },
    async run({ input }) {
      if (book.control.away) throw new Failure(commonErrors.UNAVAILABLE)
      return book.issue(book.useUp(input.refreshToken))
    },
  }),
})
