import { lookup as lookupInSystem, type LookupAddress, type LookupOptions } from 'node:dns'
import { isIP } from 'node:net'

import { buildConnector } from 'undici'

import { Failure } from '@tautline/shared'

import { withoutBrackets, type Peer } from './address-guard.ts'
import { UPSTREAM_REFUSED_ADDRESS } from './failures.ts'

/** Finds the addresses of a name. */
export type Resolve = (
  hostname: string,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void

/** As the operating system does it, `/etc/hosts` and search domains included. */
export const resolveInSystem: Resolve = (hostname, done) => {
  lookupInSystem(hostname, { all: true }, done)
}

/** No connection was made: whatever was to be sent has not been. */
export class NotConnectedError extends Error {
  constructor(cause: Error) {
    super('No connection could be made.', { cause })
    this.name = 'NotConnectedError'
  }
}

export interface ConnectorOptions {
  readonly isAllowed: (peer: Peer) => boolean
  readonly resolve: Resolve
  /** Longest that a connection may take to come about, its name's lookup included, in milliseconds. */
  readonly timeoutMs: number
}

/**
 * Connects to allowed addresses only. The name is looked up once, what is not allowed is dropped
 * from its addresses, and the connection goes to what is left of this very answer; the address at
 * the other end of the socket is then asked about again.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  const { isAllowed, resolve, timeoutMs } = options
  return ({ hostname: bracketed, ...rest }, callback) => {
    const hostname = withoutBrackets(bracketed)
    const port = Number(rest.port || (rest.protocol === 'https:' ? 443 : 80))
    const accepts = (address: string) => isAllowed({ hostname, port, address })
    if (isIP(hostname) !== 0 && !accepts(hostname)) {
      callback(refused(`${hostname}:${port}`), null)
      return
    }
    const connect = buildConnector({
      allowH2: false,
      timeout: timeoutMs,
      lookup: guardedLookup(resolve, accepts),
    })
    connect({ ...rest, hostname }, (error, socket) => {
      if (error) return callback(toNotConnected(error), null)
      const peer = socket.remoteAddress ?? 'a socket that is gone'
      if (accepts(peer)) return callback(null, socket)
      socket.destroy()
      callback(refused(`${peer}:${port}`), null)
    })
  }
}

type LookupDone = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/** What `net.connect` asks for addresses, with the ones that may not be called taken out. */
function guardedLookup(resolve: Resolve, accepts: (address: string) => boolean) {
  return (hostname: string, { all }: LookupOptions, done: LookupDone) => {
    resolve(hostname, (error, found) => {
      if (error) return done(error, [])
      const allowed = found.filter(({ address }) => accepts(address))
      const [first] = allowed
      if (!first) return done(refused(hostname), [])
      if (all) return done(null, allowed)
      done(null, first.address, first.family)
    })
  }
}

/** The place is for the log alone. */
function refused(place: string): Failure {
  return new Failure(UPSTREAM_REFUSED_ADDRESS, { cause: new Error(`Not allowed: ${place}`) })
}

function toNotConnected(error: Error): Error {
  return error instanceof Failure ? error : new NotConnectedError(error)
}
