import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { z } from 'zod'

import { safe } from '@tautline/client'
import { defineApp, type Principal } from '@tautline/kit'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'
import { accounts, type AccountsOptions } from './accounts.ts'

/** The procedures, as somebody calls them. */
export type Accounts = ReturnType<TestServer<typeof app>['clientAs']>['accounts']

/** The line of a call. */
const Line = z.object({ database: z.object({ queries: z.int() }) })

/** The reference backend with somebody who may make money, and short words for what moves it. */
export async function startBank(options?: AccountsOptions) {
  const features = { ...app.features, accounts: accounts(options) }
  const server = await startTestServer(defineApp({ ...app, features }))
  const { db } = server.app.resources
  const scopes = ['accounts:transfer']
  const admin = server.clientAs({ userId: 'chief', roles: ['admin'], scopes }).accounts
  let people = 0
  return {
    server,
    db,
    admin,
    /** Somebody who owns nothing yet. */
    someone: (more: Partial<Principal> = {}) =>
      server.clientAs({ userId: `user-${++people}`, scopes, ...more }).accounts,
    /** Opens an account with so much on it; returns its id. */
    async account(owner: Accounts, balanceMinor = 0n, currency = 'EUR'): Promise<string> {
      const { id } = await owner.open.mutate({ currency, name: 'An account' })
      if (balanceMinor > 0n) await give(admin, id, balanceMinor)
      return id
    },
    /** Runs statements past all triggers, as a mistake of an operator might. */
    pastTriggers: (run: (tx: typeof db) => Promise<unknown>) =>
      db.transaction().execute(async (tx) => {
        await sql`set local session_replication_role = replica`.execute(tx)
        await run(tx)
      }),
    /** How many statements each call of a procedure has run so far, as the log has it. */
    queriesOf: (procedure: string) =>
      z
        .array(Line)
        .parse(server.logs.filter((line) => line.procedure === procedure && 'database' in line))
        .map(({ database }) => database.queries),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

export type Bank = Awaited<ReturnType<typeof startBank>>

export const newKey = () => ({ idempotencyKey: randomUUID() })

export const give = (admin: Accounts, accountId: string, amountMinor: bigint) =>
  admin.deposit.mutate({ accountId, amountMinor }, newKey())

/** Takes so much back. */
export const take = (admin: Accounts, accountId: string, amountMinor: bigint) =>
  admin.withdraw.mutate({ accountId, amountMinor }, newKey())

type Payment = Parameters<Accounts['transfer']['mutate']>[0]

export const pay = (payer: Accounts, payment: Payment, key = newKey()) =>
  payer.transfer.mutate(payment, key)

/** What a payment is refused for. */
export async function refusalOf(payer: Accounts, payment: Payment) {
  const [, error] = await safe(pay(payer, payment))
  return error && { reason: error.reason, data: error.data }
}

export const balanceOf = async (owner: Accounts, id: string) =>
  (await owner.get.query({ id })).balanceMinor
