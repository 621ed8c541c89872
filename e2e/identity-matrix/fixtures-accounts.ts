import { randomUUID } from 'node:crypto'

import { anybody, inTenant, type Fixtures, type Path } from './asks.ts'
import type { People } from './identities.ts'
import type { Person } from './people.ts'

/** What the accounts of somebody are to others: as if there were none. */
const asNone = inTenant({ own: 'OK', others: 'ACCOUNT_NOT_FOUND' })

/** An account of the subject with 5 on it, that no other cell has seen. */
async function fundedAccountOf({ client, marks }: Person, { admin }: People): Promise<string> {
  const account = { currency: 'EUR', name: `Account ${marks.accountName}` }
  const { id } = await client.accounts.open.mutate(account)
  const deposit = { accountId: id, amountMinor: 5n }
  await admin.client.accounts.deposit.mutate(deposit, { idempotencyKey: randomUUID() })
  return id
}

export const accounts: Pick<Fixtures, Extract<Path, `accounts.${string}`>> = {
  'accounts.open': [
    {
      what: 'an account',
      input: () => ({ currency: 'EUR', name: 'An account' }),
      gives: anybody('OK'),
    },
  ],
  'accounts.get': [
    { what: 'an account of the subject', input: ({ money }) => ({ id: money.id }), gives: asNone },
  ],
  'accounts.list': [
    { what: 'the first page', input: () => ({ limit: 100 }), gives: anybody('OK') },
    {
      what: 'a cursor of the subject',
      input: ({ money }) => ({ cursor: money.cursor }),
      gives: inTenant({ own: 'OK', others: 'BAD_INPUT' }),
    },
  ],
  'accounts.history': [
    {
      what: 'what moved on an account of the subject',
      input: async (subject, people) => ({ accountId: await fundedAccountOf(subject, people) }),
      gives: asNone,
    },
  ],
  'accounts.transfer': [
    {
      what: 'money of the subject, for an admin',
      async input(subject, people) {
        const fromId = await fundedAccountOf(subject, people)
        return { fromId, toId: people.admin.money.id, amountMinor: 5n }
      },
      gives: asNone,
    },
    {
      what: 'more than anybody has',
      async input(subject, people) {
        return { fromId: subject.money.id, toId: people.admin.money.id, amountMinor: 2n ** 62n }
      },
      gives: inTenant({ own: 'INSUFFICIENT_FUNDS', others: 'ACCOUNT_NOT_FOUND' }),
    },
  ],
  'accounts.deposit': [
    {
      what: 'money for the subject',
      input: ({ money }) => ({ accountId: money.id, amountMinor: 1n }),
      gives: anybody('OK'),
      forAdmins: true,
    },
  ],
  'accounts.withdraw': [
    {
      what: 'money of the subject',
      input: async (subject, people) => ({
        accountId: await fundedAccountOf(subject, people),
        amountMinor: 5n,
      }),
      gives: anybody('OK'),
      forAdmins: true,
    },
  ],
  'accounts.setFrozen': [
    {
      what: 'an account of the subject',
      input: async (subject, people) => ({
        id: await fundedAccountOf(subject, people),
        frozen: true,
      }),
      gives: anybody('OK'),
      forAdmins: true,
    },
  ],
  'accounts.verifyLedger': [
    { what: 'whether it adds up', input: () => undefined, gives: anybody('OK') },
  ],
}
