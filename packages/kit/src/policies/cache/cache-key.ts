import { createHash } from 'node:crypto'

/** Who an answer is for: everybody, one principal, or the principals of one tenant. */
export type CacheScope = 'public' | 'caller' | 'tenant'

/** The part of a principal that may change an answer. */
export interface CacheCaller {
  readonly issuer?: string | undefined
  readonly tenantId?: string | undefined
  readonly userId: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
}

export interface CacheKeyParts {
  readonly procedure: string
  /** Another build may answer otherwise. */
  readonly buildId: string
  /** The validated input. */
  readonly input: unknown
  readonly scope: CacheScope
  /** Null: nobody has signed in. */
  readonly caller: CacheCaller | null
}

/** Containers in containers; the door lets in fewer. */
const MAX_DEPTH = 100

/**
 * One short text for what an answer depends on. Equal inputs have one key whatever the order of
 * their fields; a bigint, a date and the string that looks like them have three. With scope
 * `tenant` a caller without a tenant has keys of their own. Throws `TypeError` on an input that
 * holds more than JSON, dates, bigints, undefined, maps, sets and bytes, or contains itself.
 */
export function cacheKey({ procedure, buildId, input, scope, caller }: CacheKeyParts): string {
  const text = canonical([procedure, buildId, audienceOf(scope, caller), input], 0)
  return createHash('sha256').update(text).digest('base64url')
}

function audienceOf(scope: CacheScope, caller: CacheCaller | null): unknown {
  if (scope === 'public') return ['public']
  if (!caller) return ['nobody']
  const { issuer, tenantId, userId } = caller
  const may = [new Set(caller.roles.toSorted()), new Set(caller.scopes.toSorted())]
  if (scope === 'tenant' && tenantId !== undefined) return ['tenant', issuer, tenantId, ...may]
  return ['caller', issuer, tenantId, userId, ...may]
}

function canonical(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'bigint':
      return `${value}n`
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'object':
      return value === null ? 'null' : canonicalObject(value, depth)
    default:
      throw new TypeError(`A ${typeof value} cannot be part of a cache key.`)
  }
}

function canonicalObject(value: object, depth: number): string {
  if (depth > MAX_DEPTH) throw new TypeError('An input this deep cannot be part of a cache key.')
  const list = (items: Iterable<unknown>) =>
    Array.from(items, (item) => canonical(item, depth + 1)).join(',')
  if (Array.isArray(value)) return `[${list(value)}]`
  if (value instanceof Date) return `date(${value.getTime()})`
  if (value instanceof Map) return `map(${list(value)})`
  if (value instanceof Set) return `set(${list(value)})`
  if (value instanceof Uint8Array) return `bytes(${Buffer.from(value).toString('base64')})`
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`A ${value.constructor.name} cannot be part of a cache key.`)
  }
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field, depth + 1)}`).join(',')}}`
}
