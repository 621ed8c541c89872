import type { auth, Resources } from '@tautline/kit'

import { createManyItems } from './features/items/bulk-create.ts'
import { ownerOf } from './owner.ts'

/** Who a newcomer signs in as; `tautline dev` prints it. */
export const demoUser = {
  email: 'demo@example.com',
  name: 'Demo',
  password: 'correct horse battery',
}

/**
 * A user who can sign in, with three items; changes nothing the second time. Returns what to try.
 */
export async function seedDemo(
  signIn: ReturnType<typeof auth>,
  resources: Resources,
  baseUrl: string,
): Promise<string[]> {
  const userId = await signIn.ensureUser(resources, demoUser)
  await createManyItems(resources.db, ownerOf({ userId }), {
    items: [
      { sku: 'rope-10', name: 'Rope, 10 m', quantity: 12, priceMinor: 1_990n },
      { sku: 'cleat-s', name: 'Cleat, small', quantity: 40, priceMinor: 450n },
      { sku: 'winch-2', name: 'Winch, two-speed', quantity: 3, priceMinor: 48_900n },
    ],
    onConflict: 'skip',
  })
  const { email, password } = demoUser
  const body = JSON.stringify({ json: { email, password } })
  return [
    `Signed up for you: ${email}, password "${password}". Try it:`,
    '',
    `  curl -s ${baseUrl}/rpc/auth.login -H 'content-type: application/json' -d '${body}'`,
  ]
}
