import { sleep } from '@tautline/shared'

import { between, shuffled } from '../faults/chance.ts'
import { outcomeOf, type Outcome } from '../faults/history.ts'
import { openSession } from '../faults/server-process.ts'
import type { Balances, Read, Transfer } from './checker.ts'
import { readBalances } from './database.ts'
import type { BankClient, World } from './world.ts'

const ACCOUNTS = 10
const CLIENTS = 16

/** So many of the clients make each call once, so that its end may stay unknown. */
const CLIENTS_THAT_GIVE_UP = 6

/** So little that accounts run dry, in minor units. */
const OPENING_MINOR = 60n
const MOST_MINOR = 30

/** After a call that failed, in milliseconds: a caller without it would only spin. */
const PAUSE_MS = 20

/** Between two reads, in milliseconds: they are not what the load is to be. */
const READ_EVERY_MS = 5

/** What all who take part have done and seen so far. */
export interface Load extends AsyncDisposable {
  readonly opening: Balances
  readonly transfers: Transfer[]
  readonly reads: Read[]
  /** How each read through the server ended that did not succeed. */
  readonly failedReads: Outcome[]
  /** When each client has succeeded last, by `performance.now`. */
  readonly lastSuccesses: readonly number[]
  /** Resolves once all have stopped. */
  stop(): Promise<void>
}

/** Opens the accounts, and lets clients transfer and others read until they are stopped. */
export async function startLoad(world: World): Promise<Load> {
  const opening = await openAccounts(world.client())
  const [transfers, reads] = [new Array<Transfer>(), new Array<Read>()]
  const failedReads: Outcome[] = []
  const lastSuccesses = Array.from({ length: CLIENTS }, () => 0)
  const over = new AbortController()

  async function transferAgainAndAgain(worker: number): Promise<void> {
    const givesUp = worker < CLIENTS_THAT_GIVE_UP
    const client = world.client(givesUp ? false : undefined)
    for (let n = 0; !over.signal.aborted; n++) {
      const [fromId = '', toId = ''] = shuffled([...opening.keys()])
      const amountMinor = BigInt(between(1, MOST_MINOR))
      const transfer = { fromId, toId, amountMinor, memo: `${worker}-${n}` }
      const options = givesUp ? { idempotencyKey: transfer.memo } : {}
      const outcome = await outcomeOf(client.accounts.transfer.mutate(transfer, options))
      transfers.push({ ...transfer, outcome })
      if (outcome.kind === 'ok') lastSuccesses[worker] = performance.now()
      else await sleep(PAUSE_MS)
    }
  }

  async function readByServerAgainAndAgain(): Promise<void> {
    const client = world.client(false)
    while (!over.signal.aborted) {
      // One page holds all accounts, so that one statement has read them.
      const page = client.accounts.list.query({ limit: ACCOUNTS })
      const outcome = await outcomeOf(page)
      if (outcome.kind === 'ok') reads.push({ by: 'the server', balances: balancesOf(await page) })
      else failedReads.push(outcome)
      await sleep(outcome.kind === 'ok' ? READ_EVERY_MS : PAUSE_MS)
    }
  }

  /** Around the server, and around the way on which connections are cut. */
  async function readBySqlAgainAndAgain(): Promise<void> {
    while (!over.signal.aborted) {
      try {
        await using session = await openSession(world.postgres.url)
        while (!over.signal.aborted) {
          reads.push({ by: 'SQL', balances: await readBalances(session) })
          await sleep(READ_EVERY_MS)
        }
      } catch {
        await sleep(PAUSE_MS) // Postgres was struck
      }
    }
  }

  const all = [
    ...lastSuccesses.map((_, worker) => transferAgainAndAgain(worker)),
    readByServerAgainAndAgain(),
    readBySqlAgainAndAgain(),
  ]
  async function stop() {
    over.abort()
    await Promise.all(all)
  }
  const seen = { opening, transfers, reads, failedReads, lastSuccesses }
  return { ...seen, stop, [Symbol.asyncDispose]: stop }
}

async function openAccounts(client: BankClient): Promise<Balances> {
  const balances = new Map<string, bigint>()
  for (let n = 1; n <= ACCOUNTS; n++) {
    const { id } = await client.accounts.open.mutate({ currency: 'EUR', name: `account ${n}` })
    await client.accounts.deposit.mutate({ accountId: id, amountMinor: OPENING_MINOR })
    balances.set(id, OPENING_MINOR)
  }
  return balances
}

type Page = Awaited<ReturnType<BankClient['accounts']['list']['query']>>

const balancesOf = ({ items }: Page): Balances =>
  new Map(items.map(({ id, balanceMinor }) => [id, balanceMinor]))
