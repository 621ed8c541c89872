import { z } from 'zod'

const Id = z.uuid()

/** Postgres writes it as text, because JSON would round it; it may be more than a bigint there holds. */
const Minor = z.coerce.bigint()
const Count = z.coerce.bigint()

/** Something that does not add up; each kind says where, what there is, and what there should be. */
const LedgerProblem = z.discriminatedUnion('kind', [
  /** A balance is not the sum of the account's entries. */
  z.object({
    kind: z.literal('balanceDiffers'),
    accountId: Id,
    balanceMinor: Minor,
    entriesMinor: Minor,
  }),
  /** An account of a user is below zero. */
  z.object({ kind: z.literal('balanceNegative'), accountId: Id, balanceMinor: Minor }),
  /** An entry does not go on from the balance after the one before it. */
  z.object({
    kind: z.literal('chainBroken'),
    accountId: Id,
    transferId: Id,
    balanceAfterMinor: Minor,
    expectedMinor: Minor,
  }),
  /** The entries of a transfer do not sum to zero. */
  z.object({
    kind: z.literal('transferUnbalanced'),
    transferId: Id,
    currency: z.string(),
    sumMinor: Minor,
  }),
  /** The entries of a transfer are not the two that it says: the sender's and the receiver's. */
  z.object({ kind: z.literal('transferDiffers'), transferId: Id }),
  /** A transfer does not go on from the number, or the sum, of the sender's one before it. */
  z.object({
    kind: z.literal('countBroken'),
    accountId: Id,
    transferId: Id,
    nth: Count,
    expectedNth: Count,
    sentMinor: Minor,
    expectedSentMinor: Minor,
  }),
  /** The balances of a currency, that of the system included, do not sum to zero. */
  z.object({ kind: z.literal('currencyUnbalanced'), currency: z.string(), totalMinor: Minor }),
])

export const LedgerReport = z.object({
  /** Whether there is no problem at all. */
  ok: z.boolean(),
  accounts: z.int(),
  entries: z.int(),
  /** Sum of all balances, that of the system included: 0 for each currency that adds up. */
  totalsByCurrency: z.array(z.object({ currency: z.string(), totalMinor: Minor })),
  /** Up to 100 of them. */
  problems: z.array(LedgerProblem),
})
