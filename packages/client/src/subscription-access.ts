import type { CallError } from './call-error.ts'
import type { ClientOptions } from './client-options.ts'
import { LinkError } from './links/link-error.ts'
import { told } from './links/session-link.ts'
import { requestHeaders } from './request-headers.ts'
import { signedOut, type Access } from './session.ts'

/** Whose the connections of one subscription are. */
export interface StreamAccess {
  /**
   * The headers of the next connection, with a token that is not known to have expired. Rejects as the
   * session does, and with `UNAUTHENTICATED` once somebody else is signed in: a stream never goes on
   * under another name.
   */
  headers(): Promise<Headers>
  /**
   * Calls `end` when the user whose they are signs out, or another signs in: at once, and not when the
   * token expires. Returns its undo.
   */
  onSignOut(end: (reason: CallError) => void): () => void
  /** After a refusal as `UNAUTHENTICATED`: whether there is another token to come with. */
  renew(): Promise<boolean>
}

/** By the session of the client, where it has one; else by what its functions say each time. */
export function createStreamAccess(options: ClientOptions): StreamAccess {
  const { session } = options
  const hasCookies = options.cookies ?? (session && 'cookies' in session)
  let access: Access | null = null
  let loginId: string | undefined | null
  let sent: string | null = null

  return {
    async headers() {
      if (session) {
        const next = await told(session.access())
        const nextLogin = next?.loginId ?? null
        if (loginId !== undefined && loginId !== nextLogin) throw signedOut()
        loginId = nextLogin
        access = next
      }
      try {
        const all = await requestHeaders(options, hasCookies ? undefined : access?.accessToken)
        sent = all.get('authorization')
        return all
      } catch (cause) {
        throw new LinkError('before', { cause })
      }
    },
    onSignOut(end) {
      // It is told of changes only; who began as nobody hears what everybody does.
      const undo = session?.subscribe(() => {
        if (access) end(signedOut())
      })
      return undo ?? (() => {})
    },
    async renew() {
      if (session) return access !== null && (await told(session.renew(access))) !== null
      const next = await requestHeaders(options, undefined).catch(() => undefined)
      return next !== undefined && next.get('authorization') !== sent
    },
  }
}
