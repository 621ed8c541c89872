import type { z } from 'zod'

import type { CallContext, Cookie } from '../../resources.ts'
import type { CookieSession, Session } from './schema.ts'

export const ACCESS_COOKIE = 'access'
export const REFRESH_COOKIE = 'refresh'

export interface CookieOptions {
  /**
   * Which pages' requests the cookies go with. Default `lax`: those of this site. A page of another
   * site needs `none`, and its origin in the list of CORS.
   */
  readonly sameSite?: Cookie['sameSite']
}

/** Puts the tokens of a session into cookies, or takes them away. */
export interface SessionCookies {
  /** Keeps the tokens. Returns what is left to tell: everything but them. */
  keep(session: z.input<typeof Session>): z.input<typeof CookieSession>
  clear(): void
}

/** To be asked for first, because it throws `BAD_INPUT` where no cookie can be set. */
export function openSessionCookies(
  { cookies, clock }: Pick<CallContext, 'cookies' | 'clock'>,
  { sameSite = 'lax' }: CookieOptions,
): SessionCookies {
  const write = cookies.writer()
  const set = (name: string, value: string, until: Date) => {
    const lifeMs = until.getTime() - clock.now().getTime()
    write({ name, value, maxAgeS: Math.max(0, Math.floor(lifeMs / 1_000)), sameSite })
  }
  return {
    keep({ accessToken, refreshToken, ...told }) {
      set(ACCESS_COOKIE, accessToken, told.expiresAt)
      set(REFRESH_COOKIE, refreshToken, told.refreshExpiresAt)
      return told
    },
    clear() {
      for (const name of [ACCESS_COOKIE, REFRESH_COOKIE]) set(name, '', clock.now())
    },
  }
}
