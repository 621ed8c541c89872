import { Failure } from '@tautline/shared'

import { UPSTREAM_REFUSED_ADDRESS } from './failures.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One request of an outgoing call; a redirect makes another one. */
export interface Hop {
  readonly url: URL
  readonly method: Method
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
}

/** What another origin may see of a request; the rest may be meant for the first one alone. */
const HARMLESS = new Set(['accept', 'accept-language', 'user-agent'])

/** The URL of a call. Names and addresses are looked at when they are connected to. */
export function readUrl(text: string | URL, base?: URL): URL {
  const url = URL.parse(String(text), base)
  if (!url) throw refused('It cannot be read.')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused(url.protocol)
  if (url.username !== '' || url.password !== '') throw refused('It has credentials in it.')
  return url
}

/**
 * Where a redirect leads. As browsers do it, 303 is a GET, and so is a POST after 301 and 302.
 * Another origin gets no header that may hold a secret, and no body; nothing falls back from https.
 */
export function nextHop(hop: Hop, status: number, location: string): Hop {
  const url = readUrl(location, hop.url)
  if (hop.url.protocol === 'https:' && url.protocol === 'http:')
    throw refused('From https to http.')
  const becomesGet =
    (status === 303 && hop.method !== 'HEAD') || (status <= 302 && hop.method === 'POST')
  const method = becomesGet ? 'GET' : hop.method
  const body = becomesGet ? undefined : hop.body
  const isSameOrigin = url.origin === hop.url.origin
  if (!isSameOrigin && body !== undefined) throw refused('A body is not sent on to another origin.')
  const keeps = (name: string) =>
    isSameOrigin ? body !== undefined || !name.startsWith('content-') : HARMLESS.has(name)
  const headers = Object.fromEntries(Object.entries(hop.headers).filter(([name]) => keeps(name)))
  return { url, method, headers, body }
}

/** The message is for the log alone. */
function refused(message: string): Failure {
  return new Failure(UPSTREAM_REFUSED_ADDRESS, { cause: new Error(message) })
}
