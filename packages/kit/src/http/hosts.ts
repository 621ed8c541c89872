import type { IncomingMessage } from 'node:http'

import { sendJson, type Route } from './server.ts'

/** A name or an address, perhaps a port, and none of what else `URL` reads in front of a path. */
const HOST = /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i

/**
 * Lets requests through that ask for one of these host names; the port does not count. To any other
 * the answer is 421, so that a page whose name was pointed at this address (DNS rebinding) gets
 * nothing, and no proxy's mistake is served. Without a list any name is good, but it must be one: a
 * `Host` that is given twice or names no host is a 400 (RFC 9112, 3.2).
 */
export function forHosts(hosts: readonly string[] | undefined, route: Route): Route {
  const known = hosts && new Set(hosts.map(nameOf))
  return (exchange) => {
    const { request, response } = exchange
    const [host, ...others] = hostsOf(request)
    const name = nameOf(host ?? '')
    if (others.length > 0 || (host !== undefined && name === undefined)) {
      return sendJson(response, 400, { error: 'The Host header does not name one host.' })
    }
    if (known && (name === undefined || !known.has(name))) {
      return sendJson(response, 421, { error: 'This server does not answer for that host.' })
    }
    return route(exchange)
  }
}

/** Every `Host` of a request; `headers.host` would hide the second one. */
function hostsOf({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'host',
  )
}

/** The host name in a `Host` header, in its one spelling; undefined where there is none. */
function nameOf(host: string): string | undefined {
  if (!HOST.test(host)) return undefined
  return URL.parse(`http://${host}`)?.hostname.replace(/\.$/, '')
}
