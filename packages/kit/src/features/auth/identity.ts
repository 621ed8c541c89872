import type { Secrets } from '../../platform/secrets.ts'
import { createTokenCache, type TokenCache } from '../../platform/token-cache.ts'
import type { Identity, Principal, Resources } from '../../resources.ts'
import { readCookie } from '../../rpc/cookies.ts'
import { verifyAccessToken, type VerifiedToken } from './access-token.ts'
import { API_KEY, createKeyUse, findLiveKey, type KeyUse } from './api-keys.ts'
import { ACCESS_COOKIE } from './session-cookies.ts'
import { isSessionLive } from './session.ts'

/** What the identities of one server remember together. */
interface Memory {
  readonly tokens: TokenCache<VerifiedToken>
  readonly keyUse: KeyUse
}

/**
 * Identity by what `auth` gives out: access tokens, and API keys, both as `Authorization: Bearer`.
 * Anything else is nobody's. A token is believed until it expires, without asking the database; a
 * key is looked up for each request, so that a revoked one ends at once.
 */
export function bearerIdentity(): Identity {
  return async ({ headers }, resources) => {
    const credential = /^Bearer ([\w.-]{1,4096})$/.exec(headers.authorization ?? '')?.[1]
    if (credential === undefined) return null
    const { tokens, keyUse } = memoryOf(resources)
    return API_KEY.test(credential)
      ? identifyKey(credential, resources, keyUse)
      : identifyToken(credential, resources, tokens)
  }
}

/**
 * Identity by the cookies that `auth({ cookies })` sets, for browsers: the same tokens, believed as
 * `bearerIdentity` does. A request with an `Authorization` header has said who it is by that, also
 * where the header is nobody's.
 */
export function cookieIdentity(): Identity {
  return async ({ headers }, resources) => {
    if (headers.authorization !== undefined) return null
    const token = readCookie(headers, ACCESS_COOKIE)
    if (token === undefined || !/^[\w.-]{1,4096}$/.test(token)) return null
    return identifyToken(token, resources, memoryOf(resources).tokens)
  }
}

/** By secrets: one app may run several times in a process, and each believes its own tokens only. */
const memories = new WeakMap<Secrets, Memory>()

function memoryOf(resources: Resources): Memory {
  const known = memories.get(resources.secrets)
  if (known) return known
  const memory = createMemory(resources)
  memories.set(resources.secrets, memory)
  return memory
}

function createMemory({ metrics }: Resources): Memory {
  const tokens = createTokenCache<VerifiedToken>()
  metrics.gauge('auth_token_cache_entries', () => tokens.size)
  return { tokens, keyUse: createKeyUse() }
}

async function identifyToken(
  token: string,
  resources: Resources,
  cache: TokenCache<VerifiedToken>,
): Promise<Principal | null> {
  const cached = cache.get(token, resources.clock.now())
  const verified = cached ?? (await verifyAccessToken(resources, token))
  if (!verified) return null
  if (!cached) cache.set(token, verified)
  const { principal, expiresAtMs } = verified
  return {
    ...principal,
    expiresAt: new Date(expiresAtMs),
    isCurrent: async () => isSessionLive(resources.db, principal, resources.clock.now()),
  }
}

/** The key's scopes, and none of its owner's roles: a key is for what it was made for. */
async function identifyKey(
  credential: string,
  resources: Resources,
  keyUse: KeyUse,
): Promise<Principal | null> {
  const find = () => findLiveKey(resources.db, credential, resources.clock.now())
  const key = await find()
  if (!key) return null
  keyUse.note(key, resources)
  return {
    userId: key.userId,
    roles: [],
    scopes: key.scopes,
    tokenId: key.id,
    apiKeyId: key.id,
    ...(key.expiresAt && { expiresAt: key.expiresAt }),
    isCurrent: async () => (await find()) !== undefined,
  }
}
