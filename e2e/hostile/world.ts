import { randomUUID } from 'node:crypto'

import { createClient } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

import { openSession } from '../faults/server-process.ts'
import type { Procedure } from './procedures.ts'
import type { InspectedServer } from './start-server.ts'
import { doWork } from './work.ts'

const PASSWORD = 'correct horse battery'

/** What names of items and of users begin with. */
const SOUGHT = 'a'

/** Somebody who has signed in. */
export interface Account {
  readonly id: string
  readonly email: string
  readonly accessToken: string
  readonly refreshToken: string
}

/** Who is there before the attack begins, and what the attackers know. */
export interface World {
  /** Nobody may touch what is theirs; the attackers know their ids. */
  readonly victim: Account
  /** The victim's own secrets, for mangling; whole they are never sent. */
  readonly victimsSecrets: { readonly apiKey: string; readonly cursor: string }
  /** Who calls a procedure. */
  callerOf(procedure: Procedure): Account
  /** Values that exist: those a field of a procedure's input may well have, the best one first. */
  known(path: string, key: string): readonly unknown[]
  /** Real cursors by the procedure that gave them. */
  readonly cursors: Readonly<Record<string, string>>
}

/** Fills the database of a new server. */
export async function createWorld({ url, databaseUrl }: InspectedServer): Promise<World> {
  const people = await registerAll(url, databaseUrl)
  const { attacker, victim, admin, quitter, changer, leaver, signedOut } = people
  const own = await fillShelf(url, attacker)
  const theirs = await fillShelf(url, victim)
  const money = await fillPurses(url, { attacker, victim, admin })
  const work = await doWork({ attacker: as(url, attacker), victim: as(url, victim) })
  const key = await as(url, victim).auth.createApiKey.mutate({ name: 'robot', scopes: [] })
  const ownKey = await as(url, attacker).auth.createApiKey.mutate({ name: 'robot', scopes: [] })

  // What ends a user or their sessions is called by those who have nothing else to do.
  const callers: Record<string, Account> = {
    'users.delete': leaver,
    'auth.changePassword': changer,
    'auth.logoutEverywhere': quitter,
    'accounts.transfer': attacker, // who has the scope of it, as all who sign in
  }
  const ids: Record<string, readonly string[]> = {
    items: [...own.ids, ...theirs.ids],
    users: [attacker.id, victim.id, victim.id.toUpperCase()],
    auth: [ownKey.id, key.id],
    accounts: money.ids,
    ...work.ids,
  }
  const cursors = {
    'accounts.list': money.cursor,
    ...work.cursors,
    ...(await usersCursors(as(url, admin))),
    'items.list': own.cursor,
    'items.search': own.foundCursor,
  }
  const values: Record<string, readonly unknown[]> = {
    ...money.values,
    ...work.values,
    'users.delete id': [leaver.id, victim.id],
    'auth.login email': [attacker.email],
    'auth.login password': [PASSWORD],
    'auth.changePassword currentPassword': [PASSWORD],
    'auth.refresh refreshToken': [quitter.refreshToken],
    'auth.logout refreshToken': [signedOut.refreshToken],
    'items.list cursor': [own.cursor],
    'items.search q': [SOUGHT],
    'items.search cursor': [own.foundCursor],
    'users.list cursor': [cursors['users.list']],
    'users.search q': [SOUGHT],
    'users.search cursor': [cursors['users.search']],
    'items.update version': [1],
    'items.batch version': [1],
  }
  return {
    victim,
    victimsSecrets: { apiKey: key.key, cursor: theirs.cursor },
    callerOf: ({ path, allow }) => callers[path] ?? (allow === 'more' ? admin : attacker),
    known: (path, field) =>
      values[`${path} ${field}`] ?? (field === 'id' ? (ids[path.split('.')[0] ?? ''] ?? []) : []),
    cursors,
  }
}

/** What the victim sees of themselves; the same before and after. */
export async function canary(url: string, { victim }: World): Promise<unknown> {
  const client = as(url, victim)
  return Promise.all([
    client.auth.me.query(),
    client.items.list.query({ limit: 2 }),
    client.users.getWithRecentItems.query({}),
    client.auth.listApiKeys.query(),
    client.accounts.list.query(),
    client.files.list.query(),
    client.tasks.list.query(),
    client.notifications.list.query(),
  ])
}

const VICTIMS_ROWS = [
  'select t::text as row from item t where owner_id = $1',
  'select t::text as row from account t where owner_id = $1',
  'select t::text as row from tautline.user t where id = $1::uuid',
  'select t::text as row from tautline.session t where user_id = $1::uuid',
  'select t::text as row from tautline.api_key t where user_id = $1::uuid',
  `select t::text as row from tautline.refresh_token t
     join tautline.session s on s.id = t.session_id where s.user_id = $1::uuid`,
  `select t::text as row from tautline.file t where owner like '%' || $1 || '%'`,
  `select t::text as row from tautline.task t where owner like '%' || $1 || '%'`,
  `select e::text as row from tautline.task_event e
     join tautline.task t on t.id = e.task_id where t.owner like '%' || $1 || '%'`,
  `select t::text as row from tautline.notification t where owner like '%' || $1 || '%'`,
]

/** Every row of the victim, as Postgres writes it. */
export async function dumpVictim(databaseUrl: string, { victim }: World): Promise<string[]> {
  await using session = await openSession(databaseUrl)
  const rows: string[] = []
  for (const statement of VICTIMS_ROWS) {
    const result = await session.client.query<{ row: string }>(`${statement} order by row`, [
      victim.id,
    ])
    rows.push(...result.rows.map(({ row }) => row))
  }
  return rows
}

function as(url: string, { accessToken }: Pick<Account, 'accessToken'>) {
  return createClient<AppRouter>({ url: `${url}/rpc`, retry: false, auth: () => accessToken })
}

async function registerAll(url: string, databaseUrl: string) {
  return {
    attacker: await register(url, 'attacker'),
    quitter: await register(url, 'quitter'),
    changer: await register(url, 'changer'),
    leaver: await register(url, 'leaver'),
    signedOut: await register(url, 'signed-out'),
    victim: await register(url, 'victim'),
    admin: await registerAdmin(url, databaseUrl),
  }
}

async function register(url: string, name: string): Promise<Account> {
  const client = createClient<AppRouter>({ url: `${url}/rpc`, retry: false })
  const email = `${name}@example.com`
  const session = await client.auth.register.mutate({ email, name, password: PASSWORD })
  const { user, accessToken, refreshToken } = session
  return { id: user.id, email, accessToken, refreshToken }
}

async function registerAdmin(url: string, databaseUrl: string): Promise<Account> {
  const { id, email } = await register(url, 'admin')
  await using session = await openSession(databaseUrl)
  await session.client.query(`update tautline.user set roles = '{admin}' where id = $1`, [id])
  const client = createClient<AppRouter>({ url: `${url}/rpc`, retry: false })
  const { accessToken, refreshToken } = await client.auth.login.mutate({
    email,
    password: PASSWORD,
  })
  return { id, email, accessToken, refreshToken }
}

/** Cursors into the lists of users, which an admin sees. */
async function usersCursors(client: ReturnType<typeof as>) {
  const page = await client.users.list.query({ limit: 1 })
  const found = await client.users.search.query({ q: SOUGHT, limit: 1 })
  return { 'users.list': page.nextCursor ?? '', 'users.search': found.nextCursor ?? '' }
}

/** Three items, and cursors into them. */
async function fillShelf(url: string, owner: Account) {
  const client = as(url, owner)
  const ids: string[] = []
  for (const sku of ['rope', 'sail', 'oar']) {
    const { id } = await client.items.create.mutate({ sku, name: `A ${sku}`, priceMinor: 5n })
    ids.push(id)
  }
  const { nextCursor } = await client.items.list.query({ limit: 1 })
  const found = await client.items.search.query({ q: SOUGHT, limit: 1 })
  return { ids, cursor: nextCursor ?? '', foundCursor: found.nextCursor ?? '' }
}

type Robbery = Readonly<Record<'attacker' | 'victim' | 'admin', Account>>

/** Money of both, and what the attacker may well try with it. */
async function fillPurses(url: string, { attacker, victim, admin }: Robbery) {
  const own = await fillPurse(url, { owner: attacker, admin })
  const theirs = await fillPurse(url, { owner: victim, admin })
  return {
    ids: [own.fromId, theirs.fromId],
    cursor: own.cursor,
    values: {
      'accounts.list cursor': [own.cursor],
      'accounts.history accountId': [own.fromId, theirs.fromId],
      'accounts.history cursor': [own.historyCursor],
      'accounts.transfer fromId': [own.fromId, theirs.fromId],
      'accounts.transfer toId': [own.toId], // whom they would enrich has nothing to complain of
      'accounts.transfer amountMinor': [1n],
      'accounts.deposit accountId': [own.fromId],
      'accounts.withdraw accountId': [own.fromId],
      'accounts.withdraw amountMinor': [1n],
      'accounts.setFrozen id': [own.spareId], // an admin may, and then nothing would move
    },
  }
}

/** Accounts of money, one with some on it, and a cursor into them. */
async function fillPurse(url: string, { owner, admin }: { owner: Account; admin: Account }) {
  const client = as(url, owner)
  const open = () => client.accounts.open.mutate({ currency: 'EUR', name: 'A purse' })
  const [from, to, spare] = [await open(), await open(), await open()]
  for (const amountMinor of [1n, 1_000_000n]) {
    const deposit = { accountId: from.id, amountMinor }
    await as(url, admin).accounts.deposit.mutate(deposit, { idempotencyKey: randomUUID() })
  }
  const list = await client.accounts.list.query({ limit: 1 })
  const history = await client.accounts.history.query({ accountId: from.id, limit: 1 })
  const cursors = { cursor: list.nextCursor ?? '', historyCursor: history.nextCursor ?? '' }
  return { fromId: from.id, toId: to.id, spareId: spare.id, ...cursors }
}
