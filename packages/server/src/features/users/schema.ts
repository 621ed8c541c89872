import { z } from 'zod'

import { defineError, MAX_PAGE_SIZE } from '@tautline/kit'

/** Postgres writes ids in lower case, and so does whoever compares them. */
export const UserId = z.uuid().toLowerCase()

export const User = z.object({
  id: z.uuid(),
  email: z.string(),
  name: z.string(),
  createdAt: z.date(),
})

export const UserByIdInput = z.strictObject({ id: UserId })

export const ListUsersInput = z.strictObject({
  limit: z.int().min(1).max(MAX_PAGE_SIZE).default(50),
  cursor: z.string().min(1).max(500).nullish(),
})

export const UserPage = z.object({ items: z.array(User), nextCursor: z.string().nullable() })

export const UpdateUserInput = z.strictObject({
  id: UserId,
  changes: z.strictObject({ name: z.string().trim().normalize().min(1).max(100) }),
})

export const DeleteUserOutput = z.object({
  id: z.uuid(),
  /** How many items of theirs went with them. */
  deletedItems: z.int(),
})

export const UserWithRecentItemsInput = z.strictObject({
  /** Default: the caller. */
  id: UserId.optional(),
  limit: z.int().min(1).max(MAX_PAGE_SIZE).default(10),
})

export const UserWithRecentItems = User.extend({
  /** Newest first. */
  recentItems: z.array(
    z.object({
      id: z.uuid(),
      sku: z.string(),
      name: z.string(),
      quantity: z.int(),
      /** In the smallest unit of the currency. */
      priceMinor: z.bigint(),
      createdAt: z.date(),
    }),
  ),
})

/** Also for users that the caller may not see: an id tells nobody whether it is anybody's. */
export const USER_NOT_FOUND = defineError('USER_NOT_FOUND', {
  code: 'NOT_FOUND',
  message: 'There is no such user, or none that you may see.',
})
