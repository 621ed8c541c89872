import type { IncomingHttpHeaders } from 'node:http'

import { badInput } from '../platform/bad-input.ts'
import type { Cookie, CallCookies } from '../resources.ts'

/** Cookies of this kind come from this host over a secure connection, and from nobody else. */
const PREFIX = '__Host-tautline-'

/** What came with a request, and what goes with its answer. */
export interface RequestCookies extends CallCookies {
  /** Values of `Set-Cookie`, one a cookie. */
  readonly changed: readonly string[]
}

/** Whether a request carries a cookie that we have set. */
export function carriesCookies({ cookie }: IncomingHttpHeaders): boolean {
  return cookie?.includes(PREFIX) ?? false
}

/** The value of one of our cookies in a request; undefined where there is none. */
export function readCookie({ cookie }: IncomingHttpHeaders, name: string): string | undefined {
  for (const pair of (cookie ?? '').split(';')) {
    const [key = '', ...rest] = pair.split('=')
    if (key.trim() === PREFIX + name) return rest.join('=').trim()
  }
  return undefined
}

export function createRequestCookies(headers: IncomingHttpHeaders): RequestCookies {
  const changed = new Map<string, string>()
  return {
    get changed() {
      return [...changed.values()]
    },
    get: (name) => readCookie(headers, name),
    writer() {
      if (isStreamed(headers)) {
        const message = 'A call that sets cookies cannot be answered in a stream.'
        throw badInput([{ path: [], code: 'streamed', message }])
      }
      return (cookie) => changed.set(cookie.name, headerOf(cookie))
    },
  }
}

/** The headers of a stream have left before its first call ends. */
function isStreamed(headers: IncomingHttpHeaders): boolean {
  return /\bapplication\/jsonl\b/.test(String(headers['trpc-accept'] ?? headers.accept))
}

/** Scripts never see it, and no connection that is not secure carries it (RFC 6265bis, 4.1.3). */
function headerOf({ name, value, maxAgeS, sameSite }: Cookie): string {
  const site = { lax: 'Lax', strict: 'Strict', none: 'None' }[sameSite]
  const attributes = `Path=/; Max-Age=${maxAgeS}; Secure; HttpOnly; SameSite=${site}`
  return `${PREFIX}${name}=${value}; ${attributes}`
}
