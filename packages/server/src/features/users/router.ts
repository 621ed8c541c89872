import { Failure, mutation, query, toPage, type Principal } from '@tautline/kit'

import {
  deleteUser,
  findUser,
  findUserWithRecentItems,
  listUsers,
  updateUser,
  type AskedUser,
} from './queries.ts'
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

/** Callers see themselves, admins everybody. */
function asked(id: string, caller: Principal): AskedUser {
  const visible = caller.roles.includes('admin') ? 'everybody' : { only: caller.userId }
  return { id, visible }
}

const get = query({
  summary: 'You, or for an admin any user.',
  input: UserByIdInput,
  output: User,
  errors: [USER_NOT_FOUND],
  policy: { allow: 'user' },
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
  policy: { allow: { role: 'admin' } },
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
  policy: { allow: 'user' },
  async run({ ctx, input: { id, changes } }) {
    const user = await updateUser(ctx.db, asked(id, ctx.principal), changes)
    if (!user) throw new Failure(USER_NOT_FOUND)
    return user
  },
})

const remove = mutation({
  summary:
    'Deletes you, or for an admin any user, with all their items and sessions, at once and for good. ' +
    'An access token that is out already ends within its 10 minutes.',
  input: UserByIdInput,
  output: DeleteUserOutput,
  errors: [USER_NOT_FOUND],
  policy: { allow: 'user' },
  async run({ ctx, input }) {
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
  policy: { allow: 'user' },
  async run({ ctx, input }) {
    // A caller whom another issuer knows has no account here, and maybe no uuid.
    const id = UserId.safeParse(input.id ?? ctx.principal.userId).data
    const user =
      id !== undefined &&
      (await findUserWithRecentItems(ctx.db, asked(id, ctx.principal), input.limit))
    if (!user) throw new Failure(USER_NOT_FOUND)
    return user
  },
})

export const usersRouter = { get, list, update, delete: remove, getWithRecentItems }
