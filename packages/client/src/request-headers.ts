import type { ClientOptions } from './client-options.ts'

/** The headers that all requests of a client have. Rejects with what its functions throw. */
export async function requestHeaders(
  { auth, headers }: Pick<ClientOptions, 'auth' | 'headers'>,
  sessionToken: string | undefined,
): Promise<Headers> {
  const token = sessionToken ?? (await auth?.())
  const all = new Headers(await headers?.())
  if (token) all.set('authorization', `Bearer ${token}`)
  return all
}
