import { randomUUID } from 'node:crypto'

import type { Procedure } from './procedures.ts'
import type { Account } from './world.ts'

/** A request that Node's own client can send. */
export interface HttpRequest {
  readonly via: 'http'
  /** What is hostile about it. */
  readonly kind: string
  /** The procedures that it names, in their order. */
  readonly calls: readonly Procedure[]
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer | undefined
  /** It is forged: to do what it asks for would be a hole. */
  readonly forged?: boolean
}

/** Bytes that no client sends. */
export interface SocketRequest {
  readonly via: 'socket'
  readonly kind: string
  readonly bytes: Buffer
  /** In so many pieces. */
  readonly pieces: number
  /** Who closes: the server after its answer, or the caller in the middle of theirs. */
  readonly closing: 'server' | 'half-close' | 'reset'
}

export type HostileRequest = HttpRequest | SocketRequest

/** Longest query string of a GET; the server takes 16 KB of headers in all. */
const MAX_INPUT_LENGTH = 8_000

export interface Call {
  readonly procedure: Procedure
  /** Its input as it travels. */
  readonly text: string | Buffer
}

/** How one call is sent by a client that means it, but for its input. */
export function single(kind: string, { procedure, text }: Call, caller: Account): HttpRequest {
  const target = `/rpc/${procedure.path}`
  const query = text.length % 3 > 0 && typeof text === 'string' ? encodeUri(text) : undefined
  const asGet =
    procedure.kind !== 'mutation' && query !== undefined && query.length < MAX_INPUT_LENGTH
  const headers = { authorization: `Bearer ${caller.accessToken}` }
  const key = procedure.needsKey && { 'idempotency-key': randomUUID() }
  const common = { via: 'http' as const, kind, calls: [procedure] }
  if (asGet) return { ...common, method: 'GET', target: `${target}?input=${query}`, headers }
  return {
    ...common,
    method: 'POST',
    target,
    headers: { ...headers, ...key, 'content-type': 'application/json' },
    body: text,
  }
}

/** Several calls in one request. */
export function batch(kind: string, calls: readonly Call[], caller: Account): HttpRequest {
  const members = calls.map(({ text }, index) => `"${index}":${text.toString()}`)
  return {
    via: 'http',
    kind,
    calls: calls.map(({ procedure }) => procedure),
    method: 'POST',
    target: `/rpc/${calls.map(({ procedure }) => procedure.path).join(',')}?batch=1`,
    headers: {
      authorization: `Bearer ${caller.accessToken}`,
      'content-type': 'application/json',
    },
    body: `{${members.join(',')}}`,
  }
}

/** Undefined for text that has no encoding: half of a surrogate pair. */
function encodeUri(text: string): string | undefined {
  return text.isWellFormed() ? encodeURIComponent(text) : undefined
}
