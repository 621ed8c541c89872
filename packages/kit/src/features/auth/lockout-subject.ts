import { isIPv6 } from 'node:net'

import { hashOf } from './opaque-token.ts'

/** Failures on one account that nobody has to wait after. The fifth begins the first wait. */
export const MAX_FAILURES = 5

/** The same for one client address, which a whole office may share. */
export const MAX_ADDRESS_FAILURES = 20

/** Registrations from one client address before the first wait; each costs as much as a failure. */
export const MAX_REGISTRATIONS = 100

/** What failures count against. */
export interface Subject {
  /** SHA-256 of what is tried and where. */
  readonly key: Buffer
  /** The failure with this number begins the first wait. */
  readonly maxFailures: number
}

/** One thing that is tried on the account of one email address, known or not. */
export function accountSubject(what: 'sign-in' | 'reset', email: string): Subject {
  return { key: hashOf(`${what}:${email}`), maxFailures: MAX_FAILURES }
}

/** One thing that is tried from one client address. */
export function addressSubject(what: 'sign-in' | 'register' | 'reset', address: string): Subject {
  const maxFailures = what === 'register' ? MAX_REGISTRATIONS : MAX_ADDRESS_FAILURES
  return { key: hashOf(`${what} from:${networkOf(address)}`), maxFailures }
}

/**
 * What one client certainly is alone on, or with few: an IPv4 address, or the /64 of an IPv6 one,
 * within which a client has as many addresses as it likes.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const behind = tail === '' ? 0 : tail.split(':').length
    groups.push(...Array<string>(8 - groups.length - behind).fill('0'))
    if (behind > 0) groups.push(...tail.split(':'))
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
