import type { IncomingHttpHeaders } from 'node:http'

import { commonErrors, Failure } from '@tautline/shared'

import { carriesCookies } from './cookies.ts'

/**
 * Lets a POST through that no page of a stranger can have made (CSRF), or throws `ORIGIN_REFUSED`.
 * A browser tells the origin of the page: it must be this host's own or one of `origins`, and one
 * that is known by `*` alone brings no cookie of ours. Without an origin it was no browser's page,
 * unless it brings such a cookie all the same. With an `Authorization` header a page needs CORS
 * leave to send it, and cookies then say nothing about the caller.
 */
export function checkOrigin(headers: IncomingHttpHeaders, origins: readonly string[]): void {
  const { authorization, origin } = headers
  if (authorization !== undefined) return
  const withCookies = carriesCookies(headers)
  const welcome =
    origin === undefined
      ? !withCookies || headers['sec-fetch-site'] === 'same-origin'
      : isOwn(origin, headers.host) ||
        origins.includes(origin) ||
        (origins.includes('*') && !withCookies)
  if (!welcome) throw new Failure(commonErrors.ORIGIN_REFUSED)
}

/** By host and port alone: whether the page came over TLS is known only to a proxy before us. */
function isOwn(origin: string, host: string | undefined): boolean {
  const url = URL.parse(origin)
  if (!url || host === undefined) return false
  return URL.parse(`${url.protocol}//${host}`)?.host === url.host
}
