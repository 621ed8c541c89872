import { randomBytes } from 'node:crypto'

import { createClient, safe, type Client } from '@tautline/client'
import type { TestServer } from '@tautline/kit/testing'
import type { app } from '@tautline/server/app'
import type { AppRouter } from '@tautline/server/router-type'

type Server = TestServer<typeof app>

/** Strings that stand in one person's rows and nowhere else, by the field that they stand in. */
export type Marks = Readonly<
  Record<'email' | 'name' | 'keyName' | 'sku' | 'itemName' | 'accountName', string>
>

/** Somebody with an account, items, and every kind of credential, good and bad. */
export interface Person {
  readonly id: string
  readonly email: string
  readonly password: string
  readonly marks: Marks
  /** Calls as this person, signed in. */
  readonly client: Client<AppRouter>
  readonly accessToken: string
  /** The one that is good; it changes with each exchange. */
  readonly refresh: { token: string }
  readonly itemIds: readonly [string, string, string]
  /** Of the second page of their items. */
  readonly itemCursor: string
  /** One of their accounts, without money, and the cursor of the second page of all. */
  readonly money: { readonly id: string; readonly cursor: string }
  readonly keys: {
    /** Has every scope. */
    readonly scoped: string
    readonly scopeless: string
    readonly revoked: string
    readonly idToRevoke: string
  }
  /** A session that a reused refresh token has ended. */
  readonly ended: {
    readonly accessToken: string
    readonly refreshTokens: readonly [string, string]
  }
}

/** The clock of the server, which can be put forward for a moment. */
export interface MovableClock {
  now(): Date
  ahead: number
}

export function createMovableClock(): MovableClock {
  return {
    ahead: 0,
    now() {
      return new Date(Date.now() + this.ahead)
    },
  }
}

const PAST_THE_GRACE_MS = 11_000

let addresses = 0
/**
 * Where nobody has called from before: the matrix asks what a caller may, and not how often an
 * address may. The server believes it, because the test is its proxy.
 */
export function fromNewAddress() {
  const n = addresses++
  return { 'x-forwarded-for': `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` }
}

function connect({ url }: Server, accessToken?: string): Client<AppRouter> {
  const address = fromNewAddress()
  return createClient<AppRouter>({
    url: `${url}/rpc`,
    retry: false,
    headers: () => address,
    auth: () => accessToken ?? null,
  })
}

/** Signs somebody up and lets them do, through the client, all that leaves something behind. */
export async function createPerson(
  server: Server,
  clock: MovableClock,
  role?: 'admin',
): Promise<Person> {
  const marks = createMarks()
  const email = `${marks.email}@example.com`
  const password = `a password, ${marks.email}`
  const account = { email, password, name: `Name ${marks.name}` }
  const nobody = connect(server)
  const { user, refreshToken } = await nobody.auth.register.mutate(account)
  if (role) await giveRole(server, user.id, role)
  const ended = await endSession(nobody, clock, refreshToken)
  // Signed in last: a role comes with the next token.
  const session = await nobody.auth.login.mutate({ email, password })
  const { accessToken } = session
  const client = connect(server, accessToken)
  const makeKey = (scopes: string[]) =>
    client.auth.createApiKey.mutate({ name: `Key ${marks.keyName}`, scopes })
  const revoked = await makeKey(['items:import'])
  await client.auth.revokeApiKey.mutate({ id: revoked.id })
  const keys = {
    scoped: (await makeKey(['items:import', 'accounts:transfer'])).key,
    scopeless: (await makeKey([])).key,
    revoked: revoked.key,
    idToRevoke: (await makeKey([])).id,
  }
  const items = await createItems(client, marks)
  const money = await openAccounts(client, marks)
  const refresh = { token: session.refreshToken }
  const credentials = { password, accessToken, refresh, keys, ended }
  return { id: user.id, email, marks, client, money, ...credentials, ...items }
}

function createMarks(): Marks {
  const mark = () => `mk${randomBytes(6).toString('hex')}`
  const account = { email: mark(), name: mark(), keyName: mark() }
  return { ...account, sku: mark(), itemName: mark(), accountName: mark() }
}

/** There is no procedure for it: an operator does it. */
async function giveRole(server: Server, userId: string, role: string): Promise<void> {
  await server.app.resources.db
    .updateTable('tautline.user')
    .set({ roles: [role] })
    .where('id', '=', userId)
    .execute()
}

async function createItems(client: Client<AppRouter>, marks: Marks) {
  const create = async (n: number) => {
    const name = `Item ${marks.itemName}`
    return client.items.create.mutate({ sku: `${marks.sku}-${n}`, name, priceMinor: 1n })
  }
  const [first, second, third] = [await create(1), await create(2), await create(3)]
  const { nextCursor } = await client.items.list.query({ limit: 1 })
  if (nextCursor === null) throw new Error('Three items are more than one page of one.')
  const itemIds: Person['itemIds'] = [first.id, second.id, third.id]
  return { itemIds, itemCursor: nextCursor }
}

async function openAccounts({ accounts }: Client<AppRouter>, marks: Marks) {
  const account = { currency: 'EUR', name: `Account ${marks.accountName}` }
  const { id } = await accounts.open.mutate(account)
  await accounts.open.mutate(account)
  const { nextCursor } = await accounts.list.query({ limit: 1 })
  if (nextCursor === null) throw new Error('Two accounts are more than one page of one.')
  return { id, cursor: nextCursor }
}

/** Uses a refresh token again when its grace is over, which ends the session it belongs to. */
async function endSession(
  { auth }: Client<AppRouter>,
  clock: MovableClock,
  refreshToken: string,
): Promise<Person['ended']> {
  const next = await auth.refresh.mutate({ refreshToken })
  clock.ahead += PAST_THE_GRACE_MS
  const [, error] = await safe(auth.refresh.mutate({ refreshToken }))
  clock.ahead -= PAST_THE_GRACE_MS
  if (error?.reason !== 'REFRESH_REFUSED') throw new Error('The reused token was not refused.')
  return { accessToken: next.accessToken, refreshTokens: [refreshToken, next.refreshToken] }
}
