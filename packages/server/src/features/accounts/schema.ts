import { z } from 'zod'

import { MAX_PAGE_SIZE } from '@tautline/kit'

/** Largest value of a Postgres bigint, and so of a balance. */
export const MAX_BALANCE_MINOR = 2n ** 63n - 1n

/** Smallest one, and so how much of a currency the system has given away at most. */
export const MIN_BALANCE_MINOR = -(2n ** 63n)

/** Postgres writes ids in lower case, and so does whoever compares them. */
const AccountId = z.uuid().toLowerCase()

const AmountMinor = z.bigint().min(1n).max(MAX_BALANCE_MINOR)

const pageOf = {
  limit: z.int().min(1).max(MAX_PAGE_SIZE).default(50),
  cursor: z.string().min(1).max(500).nullish(),
}

export const Account = z.object({
  id: z.uuid(),
  name: z.string(),
  /** Three capital letters, as ISO 4217 has them. */
  currency: z.string(),
  /** In the smallest unit of the currency, as all money here. */
  balanceMinor: z.bigint(),
  /** It neither sends nor receives. */
  frozen: z.boolean(),
  createdAt: z.date(),
})

export const OpenAccountInput = z.strictObject({
  /** Three capital letters, as ISO 4217 has them; also of a currency that it does not know. */
  currency: z.string().regex(/^[A-Z]{3}$/),
  name: z.string().trim().min(1).max(100),
})

export const AccountByIdInput = z.strictObject({ id: AccountId })

export const ListAccountsInput = z.strictObject(pageOf)

export const AccountPage = z.object({ items: z.array(Account), nextCursor: z.string().nullable() })

export const TransferInput = z.strictObject({
  fromId: AccountId,
  toId: AccountId,
  amountMinor: AmountMinor,
  /** Seen by both sides, and kept for good, also when the one who wrote it is deleted. */
  memo: z.string().max(200).optional(),
})

/** It tells nothing of the receiver's balance. */
export const TransferOutput = z.object({
  transferId: z.uuid(),
  /** Of the sender, after the transfer. */
  fromBalanceMinor: z.bigint(),
  at: z.date(),
})

/** What an admin gives, or takes back. */
export const SystemMoneyInput = z.strictObject({ accountId: AccountId, amountMinor: AmountMinor })

export const SystemMoneyOutput = z.object({ transferId: z.uuid(), at: z.date() })

export const HistoryInput = z.strictObject({ accountId: AccountId, ...pageOf })

export const HistoryPage = z.object({
  items: z.array(
    z.object({
      transferId: z.uuid(),
      /** Below 0 for what was sent. */
      amountMinor: z.bigint(),
      balanceAfterMinor: z.bigint(),
      /** The account on the other side. */
      counterpartyId: z.uuid(),
      memo: z.string().nullable(),
      at: z.date(),
    }),
  ),
  nextCursor: z.string().nullable(),
})

export const SetFrozenInput = z.strictObject({ id: AccountId, frozen: z.boolean() })

export const SetFrozenOutput = z.object({ id: z.uuid(), frozen: z.boolean() })
