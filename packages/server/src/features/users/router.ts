import {
  commonErrors,
  Failure,
  mutation,
  query,
  toPage,
  usersTag,
  type Principal,
} from '@tautline/kit'

import { ownerTag } from '../../owner.ts'
import {
  deleteUser,
  findUser,
  findUserWithRecentItems,
  listUsers,
  updateUser,
  type AskedUser,
} from './queries.ts'
import { search } from './router-search.ts'
import {
  DeleteUserOutput,
  ListUsersInput,
  UpdateUserInput,
  User,
  USER_NOT_FOUND,
  UserByIdInput,
  UserId,
  UserPage,
  UserWithRecentItems,
  UserWithRecentItemsInput,
} from './schema.ts'
import { userTag } from './tags.ts'

/** Callers see themselves, admins everybody. Whom another issuer knows is no user here. */
function asked(id: string, caller: Principal): AskedUser {
  const own = caller.issuer === undefined ? caller.userId : undefined
  return { id, visible: caller.roles.includes('admin') ? 'everybody' : { only: own } }
}

const get = query({
  summary: 'You, or for an admin any user.',
  input: UserByIdInput,
  output: User,
  errors: [USER_NOT_FOUND],
  policy: {
    allow: 'user',
    limit: 'reads',
    cache: { ttlMs: 30_000, scope: 'caller', tags: ({ id }) => [userTag(id)] },
  },
  async run({ ctx, input }) {
    const user = await findUser(ctx.db, asked(input.id, ctx.principal))
    if (!user) throw new Failure(USER_NOT_FOUND)
    return user
  },
})

const list = query({
  summary: 'All users, newest first, page by page.',
  input: ListUsersInput.default({ limit: 50 }),
  output: UserPage,
  policy: { allow: { role: 'admin' }, limit: 'reads', priority: 'sheddable' },
  async run({ ctx, input: { cursor, limit } }) {
    const cursors = ctx.cursors({})
    const [createdAt = '', id = ''] = cursor ? cursors.open(cursor) : []
    const after = cursor ? { createdAt, id } : undefined
    const rows = await listUsers(ctx.db, { after, limit })
    return toPage(rows, limit, {
      item: ({ position: _, ...user }) => user,
      cursor: (row) => cursors.seal([row.position, row.id]),
    })
  },
})

const update = mutation({
  summary: 'Changes your name, or for an admin that of any user.',
  input: UpdateUserInput,
  output: User,
  errors: [USER_NOT_FOUND],
  policy: {
    allow: 'user',
    limit: 'writes',
    idempotent: 'optional',
    invalidates: ({ input: { id } }) => [userTag(id), usersTag],
  },
  async run({ ctx, input: { id, changes } }) {
    const user = await updateUser(ctx.db, asked(id, ctx.principal), changes)
    if (!user) throw new Failure(USER_NOT_FOUND)
    return user
  },
})

const remove = mutation({
  summary:
    'Deletes you, or for an admin any user, at once and for good, with all their items, files, tasks, ' +
    'notifications and sessions; ' +
    'their accounts stay in the ledger, nameless and frozen, as do the memos of their transfers. ' +
    'An access token that is out already works until it ends, within 10 minutes; ' +
    'what it creates by then is deleted soon after, and so are files, tasks and notifications beyond ' +
    'a thousand of each.',
  input: UserByIdInput,
  output: DeleteUserOutput,
  errors: [USER_NOT_FOUND],
  policy: {
    allow: 'user',
    limit: 'writes',
    fresh: true,
    invalidates: ({ input: { id } }) => [userTag(id), usersTag, ownerTag(id)],
  },
  async run({ ctx, input }) {
    // A key is for what it was made for, and nobody makes one for this.
    if (ctx.principal.apiKeyId !== undefined) throw new Failure(commonErrors.FORBIDDEN)
    const deleted = await deleteUser(ctx.db, asked(input.id, ctx.principal))
    if (!deleted) throw new Failure(USER_NOT_FOUND)
    return deleted
  },
})

const getWithRecentItems = query({
  summary: 'You, or for an admin any user, with the newest items.',
  input: UserWithRecentItemsInput.default({ limit: 10 }),
  output: UserWithRecentItems,
  errors: [USER_NOT_FOUND],
  policy: { allow: 'user', limit: 'reads' },
  async run({ ctx, input }) {
    const own = ctx.principal.issuer === undefined ? ctx.principal.userId : undefined
    const id = UserId.safeParse(input.id ?? own).data // another issuer's need be no uuid
    const { tenantId = '' } = ctx.principal
    const items = { tenantId, limit: input.limit }
    const user =
      id !== undefined && (await findUserWithRecentItems(ctx.db, asked(id, ctx.principal), items))
    if (!user) throw new Failure(USER_NOT_FOUND)
    return user
  },
})

export const usersRouter = { get, list, search, update, delete: remove, getWithRecentItems }
