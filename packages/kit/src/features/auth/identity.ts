import type { Secrets } from '../../platform/secrets.ts'
import type { Identity, Principal, Resources } from '../../resources.ts'
import { verifyAccessToken } from './access-token.ts'
import { API_KEY, createKeyUse, findLiveKey, type KeyUse } from './api-keys.ts'
import { isSessionLive } from './session.ts'
import { createTokenCache, type TokenCache } from './token-cache.ts'

/** What the identity of one server remembers. */
interface Memory {
  readonly tokens: TokenCache
  readonly keyUse: KeyUse
}

/**
 * Identity by what `auth` gives out: access tokens, and API keys, both as `Authorization: Bearer`.
 * Anything else is nobody's. A token is believed until it expires, without asking the database; a
 * key is looked up for each request, so that a revoked one ends at once.
 */
export function bearerIdentity(): Identity {
  // By secrets: one app may run several times in a process, and each believes its own tokens only.
  const memories = new WeakMap<Secrets, Memory>()

  return async ({ headers }, resources) => {
    const credential = /^Bearer ([\w.-]{1,4096})$/.exec(headers.authorization ?? '')?.[1]
    if (credential === undefined) return null
    let memory = memories.get(resources.secrets)
    if (!memory) {
      memory = createMemory(resources)
      memories.set(resources.secrets, memory)
    }
    return API_KEY.test(credential)
      ? identifyKey(credential, resources, memory.keyUse)
      : identifyToken(credential, resources, memory.tokens)
  }
}

function createMemory({ metrics }: Resources): Memory {
  const tokens = createTokenCache()
  metrics.gauge('auth_token_cache_entries', () => tokens.size)
  return { tokens, keyUse: createKeyUse() }
}

async function identifyToken(
  token: string,
  resources: Resources,
  cache: TokenCache,
): Promise<Principal | null> {
  const cached = cache.get(token, resources.clock.now())
  const verified = cached ?? (await verifyAccessToken(resources, token))
  if (!verified) return null
  if (!cached) cache.set(token, verified)
  const { principal } = verified
  return {
    ...principal,
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
    isCurrent: async () => (await find()) !== undefined,
  }
}
