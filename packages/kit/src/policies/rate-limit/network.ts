import { isIPv6 } from 'node:net'

/** Groups of 16 bits that name a network; whoever has one address of it can take any other. */
const NETWORK_GROUPS = 4

/**
 * What an address is counted as: an IPv4 address by itself, an IPv6 address by its /64. Takes the
 * one spelling that the HTTP layer gives, IPv4 in IPv6 clothes as IPv4. Any other text is itself.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const groups = groupsOf(head)
  if (tail !== undefined) {
    const rest = groupsOf(tail)
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':')
}
