import { isGlobalUnicast, isInNetwork, parseAddress, parseNetwork } from './addresses.ts'

/** A place that a connection is about to be made to, or has been. */
export interface Peer {
  /** The name or the address that the URL has, as `URL.hostname` spells it. */
  readonly hostname: string
  readonly port: number
  /** The address that is really connected to. */
  readonly address: string
}

export interface AddressGuardOptions {
  /**
   * What may be called although it is not public: `10.2.3.4:8080`, `[fd00::1]:8080` or
   * `billing.internal:8080`, each with its one port, or a network, `10.2.0.0/16`, with all of them.
   */
  readonly allow: readonly string[]
  /** Ports of public addresses that may be called. */
  readonly ports: readonly number[]
}

/**
 * Decides on the connected address: a name means whatever its owner wants it to mean, and another
 * thing a moment later. Throws for an entry of `allow` that it cannot read.
 */
export function createAddressGuard({ allow, ports }: AddressGuardOptions): (peer: Peer) => boolean {
  const rules = allow.map(toRule)
  return (peer) =>
    (ports.includes(peer.port) && isPublic(peer.address)) || rules.some((rule) => rule(peer))
}

function isPublic(text: string): boolean {
  const address = parseAddress(text)
  return address !== undefined && isGlobalUnicast(address)
}

function toRule(text: string): (peer: Peer) => boolean {
  const network = parseNetwork(text)
  if (network) {
    return (peer) => {
      const address = parseAddress(peer.address)
      return address !== undefined && isInNetwork(address, network)
    }
  }
  const place = parseHostAndPort(text)
  if (!place) throw new Error(`This is neither host:port nor a network: ${text}`)
  const { hostname, port } = place
  const own = parseAddress(hostname)
  return (peer) => {
    if (peer.port !== port) return false
    return own ? parseAddress(peer.address)?.value === own.value : peer.hostname === hostname
  }
}

function parseHostAndPort(text: string) {
  const [, host = '', port = ''] = /^(\[[\da-f:.]+\]|[\w.-]+):(\d{1,5})$/i.exec(text) ?? []
  const url = URL.parse(`http://${host}:${port}`)
  if (!url || Number(port) === 0) return undefined
  return { hostname: withoutBrackets(url.hostname), port: Number(port) }
}

/** IPv6 is in brackets in a URL and nowhere else. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}
