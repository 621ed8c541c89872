import { isIP } from 'node:net'

/** An IP address as the number that it is: every spelling of one address is the same. */
export interface Address {
  readonly family: 4 | 6
  readonly value: bigint
}

/** The addresses that share their first `prefix` bits. */
export interface Network extends Address {
  readonly prefix: number
}

/** Reads an address as `net.isIP` knows it, without a zone; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const family = isIP(text)
  if (family === 4) return { family, value: valueOfIpv4(text) }
  if (family === 6 && !text.includes('%')) return { family, value: valueOfIpv6(text) }
  return undefined
}

function valueOfIpv4(text: string): bigint {
  return BigInt(text.split('.').reduce((value, byte) => value * 256 + Number(byte), 0))
}

function valueOfIpv6(text: string): bigint {
  const inHex = text.replace(/[\d.]+\.\d+$/, (ipv4) => {
    const digits = valueOfIpv4(ipv4).toString(16).padStart(8, '0')
    return `${digits.slice(0, 4)}:${digits.slice(4)}`
  })
  const [head = '', tail] = inHex.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':'))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  const digits = [...before, ...zeros, ...after].map((group) => group.padStart(4, '0'))
  return BigInt(`0x${digits.join('')}`)
}

/** Reads `10.2.0.0/16`; undefined for anything else. */
export function parseNetwork(text: string): Network | undefined {
  const [, base = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? []
  const address = parseAddress(base)
  const prefix = Number(digits)
  return address && prefix <= widthOf(address) ? { ...address, prefix } : undefined
}

export function isInNetwork(address: Address, { family, value, prefix }: Network): boolean {
  const freeBits = BigInt(widthOf(address) - prefix)
  return address.family === family && address.value >> freeBits === value >> freeBits
}

function widthOf({ family }: Address): 32 | 128 {
  return family === 4 ? 32 : 128
}

const networks = (...texts: readonly string[]) => texts.flatMap((text) => parseNetwork(text) ?? [])

/** All that IANA has given out as global unicast; IPv4 has its exceptions alone. */
const UNICAST = networks('0.0.0.0/0', '2000::/3')

/**
 * What is not for the public internet, or leads into IPv4: the special-purpose registries of IANA
 * (RFC 6890), and the one address outside them at which a cloud answers its machines. IPv6 in IPv4's
 * clothes, NAT64, unique local, link-local and multicast are outside 2000::/3 altogether.
 */
const SPECIAL = networks(
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // a cloud's own services
  '169.254.0.0/16', // link-local, and the metadata of clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
  '2001::/23', // protocol assignments, Teredo among them
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '3fff::/20', // documentation
)

/** Whether an address is one of the public internet. */
export function isGlobalUnicast(address: Address): boolean {
  const isIn = (network: Network) => isInNetwork(address, network)
  return UNICAST.some(isIn) && !SPECIAL.some(isIn)
}
