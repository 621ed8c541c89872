import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'

/**
 * Tells the address of the client behind our own proxies. `trusted` are their networks, as CIDR or
 * single addresses. The peer of the socket is the client, unless it is such a proxy: then it is
 * whom that proxy names last in `X-Forwarded-For`, unless that is one as well, and so on. What
 * stands further left was written by the client and is never read.
 *
 * IPv4 in IPv6 clothes (`::ffff:192.0.2.1`) is told as IPv4. Empty for a peer that has gone.
 */
export function createClientAddress(
  trusted: readonly string[],
): (request: IncomingMessage) => string {
  const proxies = new BlockList()
  for (const network of trusted) {
    const [address = '', prefix] = network.split('/')
    const family = familyOf(address)
    proxies.addSubnet(address, Number(prefix ?? (family === 'ipv4' ? 32 : 128)), family)
  }
  const isProxy = (address: string) => proxies.check(address, familyOf(address))

  return ({ socket, headers }) => {
    let address = plainAddress(socket.remoteAddress ?? '') ?? ''
    if (trusted.length === 0 || address === '') return address
    const hops = String(headers['x-forwarded-for'] ?? '').split(',')
    while (isProxy(address)) {
      // A proxy that names nobody we can read is as far as we know.
      const hop = plainAddress(hops.pop()?.trim() ?? '')
      if (hop === undefined) break
      address = hop
    }
    return address
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6'
}

/** An address in its one spelling, without port and zone; undefined for what is none. */
function plainAddress(text: string): string | undefined {
  const [, bracketed, withPort] = /^(?:\[(.+)\](?::\d+)?|([\d.]+):\d+)$/.exec(text) ?? []
  const address = (bracketed ?? withPort ?? text).replace(/%.*$/, '')
  if (isIP(address) === 0) return undefined
  return isIPv6(address) ? shortest(address) : address
}

/** `URL` writes IPv6 as RFC 5952 wants it. */
function shortest(address: string): string {
  const { hostname } = new URL(`http://[${address}]`)
  const [, high, low] = /^\[::ffff:([\da-f]+):([\da-f]+)\]$/.exec(hostname) ?? []
  if (high === undefined || low === undefined) return hostname.slice(1, -1)
  const bytes = [high, low].map((group) => parseInt(group, 16)).flatMap((n) => [n >> 8, n & 255])
  return bytes.join('.')
}
