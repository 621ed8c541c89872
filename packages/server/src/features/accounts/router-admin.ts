import { Failure, mutation, query } from '@tautline/kit'

import { deposit as makeDeposit } from './deposit.ts'
import {
  ACCOUNT_FROZEN,
  ACCOUNT_NOT_FOUND,
  BALANCE_LIMIT_REACHED,
  INSUFFICIENT_FUNDS,
} from './errors.ts'
import { findCurrency, setFrozen as writeFrozen } from './queries.ts'
import { SetFrozenInput, SetFrozenOutput, SystemMoneyInput, SystemMoneyOutput } from './schema.ts'
import { verifyLedger as verify } from './verify-ledger.ts'
import { LedgerReport } from './verify-schema.ts'
import { withdraw as makeWithdrawal } from './withdraw.ts'

const deposit = mutation({
  summary: 'Gives any account money that was not there before.',
  input: SystemMoneyInput,
  output: SystemMoneyOutput,
  errors: [ACCOUNT_FROZEN, ACCOUNT_NOT_FOUND, BALANCE_LIMIT_REACHED],
  policy: { allow: { role: 'admin' }, limit: 'writes', fresh: true, idempotent: 'required' },
  async run({ ctx, input: { accountId, amountMinor } }) {
    const account = await findCurrency(ctx.db, accountId)
    if (!account) throw new Failure(ACCOUNT_NOT_FOUND, { data: {} })
    return makeDeposit(ctx.db, { accountId, amountMinor, ...account })
  },
})

const withdraw = mutation({
  summary:
    'Takes money of any account back, be it frozen or of a deleted user: a deposit that was wrong, ' +
    'or what somebody left.',
  input: SystemMoneyInput,
  output: SystemMoneyOutput,
  errors: [ACCOUNT_NOT_FOUND, INSUFFICIENT_FUNDS],
  policy: { allow: { role: 'admin' }, limit: 'writes', fresh: true, idempotent: 'required' },
  async run({ ctx, input: { accountId, amountMinor } }) {
    const account = await findCurrency(ctx.db, accountId)
    if (!account) throw new Failure(ACCOUNT_NOT_FOUND, { data: {} })
    return makeWithdrawal(ctx.db, { accountId, amountMinor, ...account })
  },
})

const setFrozen = mutation({
  summary:
    'Freezes any account, so that it neither sends nor receives, or lets it go again. ' +
    'That of a deleted user is frozen for good.',
  input: SetFrozenInput,
  output: SetFrozenOutput,
  errors: [ACCOUNT_NOT_FOUND],
  policy: { allow: { role: 'admin' }, limit: 'writes', fresh: true, idempotent: 'optional' },
  async run({ ctx, input }) {
    const account = await writeFrozen(ctx.db, input)
    if (!account) throw new Failure(ACCOUNT_NOT_FOUND, { data: {} })
    return account
  },
})

const verifyLedger = query({
  summary: 'Reads all of the ledger as it is at one moment, and tells what does not add up.',
  output: LedgerReport,
  policy: {
    allow: { role: 'admin' },
    limit: 'reads',
    priority: 'sheddable',
    concurrency: { max: 1, queue: 10 },
    timeoutMs: 60_000,
  },
  run: ({ ctx }) => verify(ctx.db),
})

export const adminRouter = { deposit, withdraw, setFrozen, verifyLedger }
