import { Failure, mutation, type Db } from '@tautline/kit'

import { ownerOf, type Owner } from '../../owner.ts'
import {
  ACCOUNT_FROZEN,
  ACCOUNT_NOT_FOUND,
  BALANCE_LIMIT_REACHED,
  CURRENCY_MISMATCH,
  INSUFFICIENT_FUNDS,
  SAME_ACCOUNT,
  TRANSFER_LIMIT_REACHED,
} from './errors.ts'
import { book, lockPair, type LockedAccount, type Pair } from './ledger.ts'
import type { Velocity } from './limits.ts'
import { MAX_BALANCE_MINOR, TransferInput, TransferOutput } from './schema.ts'
import { refuseAboveVelocity } from './velocity.ts'

/** Locks the sender's account, which must be theirs, and the receiver's, anybody's of their tenant. */
async function lockForTransfer(db: Db, { ownerId, tenantId }: Owner, pair: Pair) {
  if (pair.fromId === pair.toId) throw new Failure(SAME_ACCOUNT)
  const { from, to } = await lockPair(db, pair)
  const isOwn = from?.kind === 'user' && from.ownerId === ownerId && from.tenantId === tenantId
  if (!isOwn) throw new Failure(ACCOUNT_NOT_FOUND, { data: { which: 'from' } })
  const isThere = to?.kind === 'user' && to.tenantId === tenantId
  if (!isThere) throw new Failure(ACCOUNT_NOT_FOUND, { data: { which: 'to' } })
  return { from, to }
}

/** Throws what keeps the amount from moving between the two, as they are now. */
function refuseImpossible(from: LockedAccount, to: LockedAccount, amountMinor: bigint): void {
  if (from.currency !== to.currency) {
    throw new Failure(CURRENCY_MISMATCH, { data: { from: from.currency, to: to.currency } })
  }
  if (from.frozen) throw new Failure(ACCOUNT_FROZEN, { data: { which: 'from' } })
  if (to.frozen) throw new Failure(ACCOUNT_FROZEN, { data: { which: 'to' } })
  const missingMinor = amountMinor - from.balanceMinor
  if (missingMinor > 0n) throw new Failure(INSUFFICIENT_FUNDS, { data: { missingMinor } })
  if (to.balanceMinor + amountMinor > MAX_BALANCE_MINOR) throw new Failure(BALANCE_LIMIT_REACHED)
}

/** `accounts.transfer`, of which one account may make so much in a time. */
export const transferWithin = (velocity: Velocity) =>
  mutation({
    summary: 'Moves money from your account to any other of the same currency in your tenant.',
    input: TransferInput,
    output: TransferOutput,
    errors: [
      ACCOUNT_FROZEN,
      ACCOUNT_NOT_FOUND,
      BALANCE_LIMIT_REACHED,
      CURRENCY_MISMATCH,
      INSUFFICIENT_FUNDS,
      SAME_ACCOUNT,
      TRANSFER_LIMIT_REACHED,
    ],
    // Not `fresh`, which costs a query: a session that was ended moves money for ten minutes at most,
    // until its last access token ends, and no more than the velocity allows.
    policy: {
      allow: { scope: 'accounts:transfer' },
      limit: 'writes',
      idempotent: 'required',
      priority: 'critical',
    },
    async run({ ctx, input: { fromId, toId, amountMinor, memo = null } }) {
      const { from, to } = await lockForTransfer(ctx.db, ownerOf(ctx.principal), { fromId, toId })
      refuseImpossible(from, to, amountMinor)
      await refuseAboveVelocity(ctx.db, { fromId, amountMinor }, velocity)
      return book(ctx.db, { fromId, toId, amountMinor, memo })
    },
  })
