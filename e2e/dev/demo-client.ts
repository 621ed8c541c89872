import { createClient, type Client } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

/** A client that is signed in as the user that `dev` seeds. */
export async function signInAsDemo(url: string): Promise<Client<AppRouter>> {
  const account = { email: 'demo@example.com', password: 'correct horse battery' }
  const nobody = createClient<AppRouter>({ url: `${url}/rpc` })
  const { accessToken } = await nobody.auth.login.mutate(account)
  return createClient<AppRouter>({ url: `${url}/rpc`, auth: () => accessToken })
}

/** An item with nothing special about it. */
export const anItem = (sku: string) => ({ sku, name: sku, quantity: 1, priceMinor: 5n })
