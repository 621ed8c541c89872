import { Failure, mutation, query, toPage } from '@tautline/kit'

import { ownerOf } from '../../owner.ts'
import { ACCOUNT_NOT_FOUND } from './errors.ts'
import type { Velocity } from './limits.ts'
import { findAccount, insertAccount, listAccounts, listEntries } from './queries.ts'
import { adminRouter } from './router-admin.ts'
import { transferWithin } from './router-transfer.ts'
import {
  Account,
  AccountByIdInput,
  AccountPage,
  HistoryInput,
  HistoryPage,
  ListAccountsInput,
  OpenAccountInput,
} from './schema.ts'

/*
 * No answer is kept: a transfer changes what somebody else reads, whom its caller does not know, and
 * a balance that was true is of no use to who is about to pay.
 */

const open = mutation({
  summary: 'Opens an account in a currency, with nothing on it.',
  input: OpenAccountInput,
  output: Account,
  policy: { allow: 'user', limit: 'writes', idempotent: 'optional' },
  run: ({ ctx, input }) => insertAccount(ctx.db, ownerOf(ctx.principal), input),
})

const get = query({
  summary: 'One of your accounts, with what is on it.',
  input: AccountByIdInput,
  output: Account,
  errors: [ACCOUNT_NOT_FOUND],
  policy: { allow: 'user', limit: 'reads' },
  async run({ ctx, input: { id } }) {
    const account = await findAccount(ctx.db, { ...ownerOf(ctx.principal), id })
    if (!account) throw new Failure(ACCOUNT_NOT_FOUND, { data: {} })
    return account
  },
})

const list = query({
  summary: 'Your accounts, newest first, page by page.',
  input: ListAccountsInput.default({ limit: 50 }),
  output: AccountPage,
  policy: { allow: 'user', limit: 'reads' },
  async run({ ctx, input: { cursor, limit } }) {
    const cursors = ctx.cursors({})
    const [createdAt = '', id = ''] = cursor ? cursors.open(cursor) : []
    const after = cursor ? { createdAt, id } : undefined
    const rows = await listAccounts(ctx.db, { ...ownerOf(ctx.principal), after, limit })
    return toPage(rows, limit, {
      item: ({ position: _, ...account }) => account,
      cursor: (row) => cursors.seal([row.position, row.id]),
    })
  },
})

const history = query({
  summary: 'What moved on one of your accounts, newest first, page by page.',
  input: HistoryInput,
  output: HistoryPage,
  errors: [ACCOUNT_NOT_FOUND],
  policy: { allow: 'user', limit: 'reads' },
  async run({ ctx, input: { accountId, cursor, limit } }) {
    const account = await findAccount(ctx.db, { ...ownerOf(ctx.principal), id: accountId })
    if (!account) throw new Failure(ACCOUNT_NOT_FOUND, { data: {} })
    const cursors = ctx.cursors({ accountId })
    const [before] = cursor ? cursors.open(cursor) : []
    const rows = await listEntries(ctx.db, { accountId, before, limit })
    return toPage(rows, limit, {
      item: ({ position: _, ...entry }) => entry,
      cursor: (row) => cursors.seal([row.position]),
    })
  },
})

/** The procedures, for accounts that may send so much. */
export const accountsRouter = (velocity: Velocity) => ({
  open,
  get,
  list,
  history,
  transfer: transferWithin(velocity),
  ...adminRouter,
})
