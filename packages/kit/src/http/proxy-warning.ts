import type { IncomingMessage } from 'node:http'
import { BlockList, isIPv4 } from 'node:net'

import type { Logger } from '../platform/logger.ts'

/** Where a proxy of one's own is. */
const near = new BlockList()
near.addSubnet('127.0.0.0', 8, 'ipv4')
near.addSubnet('10.0.0.0', 8, 'ipv4')
near.addSubnet('172.16.0.0', 12, 'ipv4')
near.addSubnet('192.168.0.0', 16, 'ipv4')
near.addSubnet('fc00::', 7, 'ipv6')
near.addAddress('::1', 'ipv6')

/**
 * Says, once, that there seems to be a proxy whose word is not taken: all clients are one address
 * then, to limits and lockouts too.
 */
export function createProxyWarning(
  trusted: readonly string[],
  log: Logger,
): (request: IncomingMessage) => void {
  let isQuiet = trusted.length > 0
  return ({ socket, headers }) => {
    const { remoteAddress } = socket
    if (isQuiet || headers['x-forwarded-for'] === undefined || !remoteAddress) return
    if (!near.check(remoteAddress, isIPv4(remoteAddress) ? 'ipv4' : 'ipv6')) return
    isQuiet = true
    log.warn(
      { proxy: remoteAddress },
      'X-Forwarded-For is not believed: without TAUTLINE_TRUSTED_PROXIES all clients are one address',
    )
  }
}
