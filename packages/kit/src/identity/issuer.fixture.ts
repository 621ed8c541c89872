import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import Provider from 'oidc-provider'

export const AUDIENCE = 'https://api.example.com'
const SCOPES = 'items:read items:write'

/** A key of the issuer, and what it publishes of it. */
interface IssuerKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
  readonly privateJwk: object
  readonly publicJwk: object
}

async function createKey(alg: string): Promise<IssuerKey> {
  const kid = crypto.randomUUID()
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const named = async (key: CryptoKey) => ({ ...(await exportJWK(key)), kid, alg, use: 'sig' })
  const [privateJwk, publicJwk] = [await named(privateKey), await named(publicKey)]
  return { kid, alg, privateKey, privateJwk, publicJwk }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown

/** Its clients sign in with their own credentials, and `extra` is in every token. */
function createProvider(issuer: string, key: IssuerKey, extra: () => object): Handler {
  const client = {
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
    id_token_signed_response_alg: key.alg,
    client_secret: 'secret of a client that is there for tests',
  }
  const provider = new Provider(issuer, {
    clients: ['anna', 'berta'].map((client_id) => ({ client_id, ...client })),
    jwks: { keys: [key.privateJwk] },
    scopes: SCOPES.split(' '),
    ttl: { ClientCredentials: 600 },
    extraTokenClaims: extra,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_: unknown, audience: string) => ({
          scope: SCOPES,
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: key.alg } },
        }),
      },
    },
  })
  return provider.callback()
}

interface Ask {
  readonly clientId?: string
  readonly audience?: string
  readonly scope?: string
}

/** A real OpenID provider on a port of its own, with the switches that a test needs. */
export async function startIssuer(alg = 'ES256') {
  let extra: object = {}
  let handler: Handler | 'away' = 'away'
  let provider: Handler | undefined
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    if (handler === 'away') return request.socket.destroy()
    return handler(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // oxlint-disable-next-line typescript/consistent-type-assertions -- a TCP server has no other address
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let key = await createKey(alg)
  const serve = () => {
    handler = provider ??= createProvider(url, key, () => extra)
  }
  serve()

  return {
    url,
    get key() {
      return key
    },
    /** How often its keys were asked for. */
    keyRequests: () => asked.filter((path) => path === '/jwks').length,
    /** What else than the usual is in its tokens from now on. */
    claim(claims: object) {
      extra = claims
    },
    async rotate() {
      key = await createKey(alg)
      provider = undefined
      serve()
    },
    leave() {
      handler = 'away'
      server.closeAllConnections()
    },
    comeBack: serve,
    become(other: Handler) {
      handler = other
    },
    /** An access token, as its clients get it. */
    async token({ clientId = 'anna', audience = AUDIENCE, scope = SCOPES }: Ask = {}) {
      const response = await fetch(`${url}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: clientId,
          client_secret: 'secret of a client that is there for tests',
          resource: audience,
          scope,
        }),
      })
      const answer: unknown = await response.json()
      if (typeof answer === 'object' && answer !== null && 'access_token' in answer) {
        return String(answer.access_token)
      }
      throw new Error(`The issuer gave no token: ${JSON.stringify(answer)}`)
    },
    /** A token that is right but for what is named, which no provider would sign. */
    sign(
      payload: Record<string, unknown> = {},
      header: object = {},
      by: CryptoKey | Uint8Array = key.privateKey,
    ) {
      const seconds = Math.floor(Date.now() / 1_000)
      const usual = { iss: url, aud: AUDIENCE, sub: 'anna', iat: seconds, exp: seconds + 600 }
      return new SignJWT({ ...usual, ...payload })
        .setProtectedHeader({ alg, kid: key.kid, typ: 'at+jwt', ...header })
        .sign(by)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type Issuer = Awaited<ReturnType<typeof startIssuer>>
