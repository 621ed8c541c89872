import { randomUUID } from 'node:crypto'

import { uploadFile } from '@tautline/client'

import { anybody, inTenant, noKeys, ofAccount, orAdmin, type Fixtures, type Path } from './asks.ts'
import { accounts } from './fixtures-accounts.ts'
import { notifications } from './fixtures-notifications.ts'
import { works } from './fixtures-works.ts'
import type { Person } from './people.ts'

/** An item of the subject that no other cell has seen. */
function newItemOf({ client, marks }: Person, sku = `${marks.sku}-${randomUUID()}`) {
  return client.items.create.mutate({ sku, name: `Item ${marks.itemName}`, priceMinor: 2n })
}

const newName = ({ marks }: Person) => `Name ${marks.name} ${randomUUID()}`

/** A sku of the subject again. It has no mark, because the caller has it now too. */
async function sameSku(subject: Person) {
  const { sku } = await newItemOf(subject, randomUUID())
  return { sku, name: 'Same sku', priceMinor: 3n }
}

async function foundItemsCursorOf({ client }: Person) {
  const { nextCursor } = await client.items.search.query({ q: 'item', limit: 1 })
  return { q: 'item', cursor: nextCursor }
}

async function foundUsersCursorOf({ client }: Person) {
  const { nextCursor } = await client.users.search.query({ q: 'name', limit: 1 })
  return { q: 'name', cursor: nextCursor }
}

async function usersCursorOf({ client }: Person) {
  const { nextCursor } = await client.users.list.query({ limit: 1 })
  return { cursor: nextCursor }
}

const rightPassword = ({ email, password }: Person) => ({ email, password })

const account: Pick<Fixtures, Extract<Path, `auth.${string}`>> = {
  'auth.register': [
    {
      what: 'the subject’s address',
      input: ({ email }) => ({ email, name: 'Somebody', password: 'a long password' }),
      gives: anybody('EMAIL_TAKEN'),
    },
    {
      what: 'a new address',
      input: () => ({
        email: `${randomUUID()}@example.com`,
        name: 'Somebody',
        password: 'a long password',
      }),
      gives: anybody('OK'),
    },
  ],
  'auth.login': [
    { what: 'the right password', input: rightPassword, gives: anybody('OK'), opens: true },
    {
      what: 'a guessed password',
      input: ({ email }) => ({ email, password: 'a guessed password' }),
      gives: anybody('WRONG_CREDENTIALS'),
    },
  ],
  'auth.refresh': [
    {
      what: 'a good token',
      input: ({ refresh }) => ({ refreshToken: refresh.token }),
      gives: anybody('OK'),
      opens: true,
      after(answer, { refresh }) {
        refresh.token = /"refreshToken":"([^"]+)"/.exec(answer)?.[1] ?? ''
      },
    },
    {
      what: 'the token that was reused',
      input: ({ ended }) => ({ refreshToken: ended.refreshTokens[0] }),
      gives: anybody('REFRESH_REFUSED'),
    },
    {
      what: 'the successor of the token that was reused',
      input: ({ ended }) => ({ refreshToken: ended.refreshTokens[1] }),
      gives: anybody('REFRESH_REFUSED'),
    },
  ],
  'auth.logout': [
    {
      what: 'a token of a session that has ended',
      input: ({ ended }) => ({ refreshToken: ended.refreshTokens[1] }),
      gives: anybody('OK'),
    },
    {
      what: 'the subject’s id',
      input: ({ id }) => ({ refreshToken: id }),
      gives: anybody('OK'),
    },
  ],
  'auth.me': [{ what: 'who they are', input: () => undefined, gives: anybody('OK') }],
  'auth.logoutEverywhere': [
    {
      what: 'the end of their sessions',
      input: () => undefined,
      gives: noKeys(anybody('OK')),
      spends: 'caller',
    },
  ],
  'auth.changePassword': [
    {
      what: 'the subject’s password',
      input: ({ password }) => ({ currentPassword: password, newPassword: 'another password' }),
      gives: noKeys(ofAccount('WRONG_CREDENTIALS')),
      spends: 'caller',
    },
  ],
  'auth.createApiKey': [
    {
      what: 'a scope that they hold',
      input: () => ({ name: 'A key', scopes: ['items:import'] }),
      gives: noKeys(anybody('OK')),
    },
    {
      what: 'a scope that nobody holds',
      input: () => ({ name: 'A key', scopes: ['items:import', 'items:forge'] }),
      gives: noKeys(anybody('SCOPE_NOT_HELD')),
    },
  ],
  'auth.listApiKeys': [
    { what: 'their keys', input: () => undefined, gives: noKeys(anybody('OK')) },
  ],
  'auth.revokeApiKey': [
    {
      what: 'the subject’s key',
      input: ({ keys }) => ({ id: keys.idToRevoke }),
      gives: noKeys(ofAccount('NO_SUCH_API_KEY')),
      spends: 'subject',
    },
  ],
}

const cache: Pick<Fixtures, Extract<Path, `cache.${string}`>> = {
  'cache.purge': [
    {
      what: 'one tag of the subject',
      input: ({ id }) => ({ tags: [`user:${id}`] }),
      gives: anybody('OK'),
    },
    { what: 'everything', input: () => ({}), gives: anybody('OK') },
  ],
}

const items: Pick<Fixtures, Extract<Path, `items.${string}`>> = {
  'items.create': [
    {
      what: 'a sku of the subject',
      input: sameSku,
      gives: inTenant({ own: 'SKU_TAKEN', others: 'OK' }),
    },
    {
      what: 'a new sku',
      input: () => ({ sku: randomUUID(), name: 'New', priceMinor: 4n }),
      gives: anybody('OK'),
    },
  ],
  'items.bulkCreate': [
    {
      what: 'a sku of the subject, to be overwritten',
      input: async (subject) => ({ items: [await sameSku(subject)], onConflict: 'update' }),
      gives: anybody('OK'),
    },
    {
      what: 'a sku of the subject',
      input: async (subject) => ({ items: [await sameSku(subject)] }),
      gives: inTenant({ own: 'SKU_TAKEN', others: 'OK' }),
    },
  ],
  'items.batch': [
    {
      what: 'an item of the subject, to be changed',
      async input(subject) {
        const { id, version } = await newItemOf(subject)
        const changes = { quantity: 7 }
        return { mode: 'all', operations: [{ op: 'update', id, version, changes }] }
      },
      gives: inTenant({ own: 'OK', others: 'BATCH_FAILED' }),
    },
    {
      what: 'an item of the subject, to be deleted',
      async input(subject) {
        const { id } = await newItemOf(subject)
        return { mode: 'all', operations: [{ op: 'delete', id }] }
      },
      gives: inTenant({ own: 'OK', others: 'BATCH_FAILED' }),
    },
    {
      what: 'a sku of the subject',
      async input(subject) {
        return { mode: 'all', operations: [{ op: 'create', item: await sameSku(subject) }] }
      },
      gives: inTenant({ own: 'BATCH_FAILED', others: 'OK' }),
    },
    {
      what: 'items of the subject, each of them if it can be',
      async input(subject) {
        const [changed, deleted] = [await newItemOf(subject), await newItemOf(subject)]
        const { id, version } = changed
        const update = { op: 'update', id, version, changes: { quantity: 7 } } as const
        return { mode: 'each', operations: [update, { op: 'delete', id: deleted.id }] }
      },
      gives: anybody('OK'),
    },
  ],
  'items.import': [
    {
      what: 'a file of the subject',
      async input({ client }) {
        // It has no row: what a task changes would show in other cells.
        const { id } = await uploadFile(client, new Uint8Array(), { name: 'none.ndjson' })
        return { fileId: id, onConflict: 'skip' }
      },
      gives: inTenant({ own: 'OK', others: 'FILE_NOT_FOUND' }),
    },
  ],
  'items.get': [
    {
      what: 'an item of the subject',
      input: ({ itemIds: [id] }) => ({ id }),
      gives: inTenant({ own: 'OK', others: 'ITEM_NOT_FOUND' }),
    },
  ],
  'items.list': [
    { what: 'the first page', input: () => ({ limit: 100 }), gives: anybody('OK') },
    {
      what: 'a cursor of the subject',
      input: ({ itemCursor }) => ({ cursor: itemCursor }),
      gives: inTenant({ own: 'OK', others: 'BAD_INPUT' }),
    },
  ],
  'items.search': [
    {
      what: 'what all items begin with',
      input: () => ({ q: 'Item', limit: 100 }),
      gives: anybody('OK'),
    },
    {
      what: 'a cursor of the subject',
      input: foundItemsCursorOf,
      gives: inTenant({ own: 'OK', others: 'BAD_INPUT' }),
    },
  ],
  'items.update': [
    {
      what: 'an item of the subject',
      async input(subject) {
        const { id, version } = await newItemOf(subject)
        return { id, version, changes: { quantity: 7 } }
      },
      gives: inTenant({ own: 'OK', others: 'ITEM_NOT_FOUND' }),
    },
    {
      what: 'an item of the subject that has changed',
      async input(subject) {
        const { id, version } = await newItemOf(subject)
        return { id, version: version + 1, changes: { quantity: 7 } }
      },
      gives: inTenant({ own: 'VERSION_CONFLICT', others: 'ITEM_NOT_FOUND' }),
    },
  ],
  'items.delete': [
    {
      what: 'an item of the subject',
      input: async (subject) => ({ id: (await newItemOf(subject)).id }),
      gives: inTenant({ own: 'OK', others: 'ITEM_NOT_FOUND' }),
    },
  ],
}

const users: Pick<Fixtures, Extract<Path, `users.${string}`>> = {
  'users.get': [
    {
      what: 'the subject',
      input: ({ id }) => ({ id }),
      gives: orAdmin(ofAccount('USER_NOT_FOUND')),
      forAdmins: true,
    },
  ],
  'users.list': [
    {
      what: 'the first page',
      input: () => ({ limit: 100 }),
      gives: anybody('OK'),
      forAdmins: true,
    },
    {
      what: 'a cursor of their own',
      input: (_, people) => usersCursorOf(people.admin),
      gives: anybody('OK'),
      forAdmins: true,
    },
    {
      what: 'a cursor of another admin',
      input: (_, people) => usersCursorOf(people.otherAdmin),
      gives: anybody('BAD_INPUT'),
    },
  ],
  'users.search': [
    {
      what: 'the subject’s address',
      input: ({ email }) => ({ q: email }),
      gives: anybody('OK'),
      forAdmins: true,
    },
    {
      what: 'a cursor of their own',
      input: (_, people) => foundUsersCursorOf(people.admin),
      gives: anybody('OK'),
      forAdmins: true,
    },
    {
      what: 'a cursor of another admin',
      input: (_, people) => foundUsersCursorOf(people.otherAdmin),
      gives: anybody('BAD_INPUT'),
    },
  ],
  'users.update': [
    {
      what: 'the subject',
      input: (subject) => ({ id: subject.id, changes: { name: newName(subject) } }),
      gives: orAdmin(ofAccount('USER_NOT_FOUND')),
      forAdmins: true,
    },
  ],
  'users.delete': [
    {
      what: 'the subject',
      input: ({ id }) => ({ id }),
      gives: noKeys(orAdmin(ofAccount('USER_NOT_FOUND'))),
      forAdmins: true,
      spends: 'subject',
    },
  ],
  'users.getWithRecentItems': [
    {
      what: 'the subject',
      input: ({ id }) => ({ id, limit: 100 }),
      gives: orAdmin(ofAccount('USER_NOT_FOUND')),
      forAdmins: true,
    },
    { what: 'the caller', input: () => ({ limit: 100 }), gives: anybody('OK') },
  ],
}

/** Nobody's: an address that no server may be made to ask. */
const nowhere = 'http://127.0.0.1:9/'

const upstream: Pick<Fixtures, Extract<Path, `upstream.${string}`>> = {
  'upstream.fetchMany': [
    { what: 'a refused URL', input: () => ({ urls: [nowhere] }), gives: anybody('OK') },
  ],
  'upstream.merge': [
    {
      what: 'refused URLs',
      input: () => ({ sources: ['a', 'b', 'c'].map((name) => ({ name, url: nowhere })) }),
      gives: anybody('OK'),
    },
  ],
}

/** How to ask every procedure; one without a fixture is a type error. */
export const fixtures: Fixtures = {
  ...account,
  ...accounts,
  ...cache,
  ...items,
  ...notifications,
  ...upstream,
  ...users,
  ...works,
}
