import { findLies, type Outcome } from '../faults/history.ts'

/** What each account holds, by its id. */
export type Balances = ReadonlyMap<string, bigint>

/** All balances at one moment, as somebody has read them. */
export interface Read {
  readonly by: 'the server' | 'SQL'
  readonly balances: Balances
}

/** A transfer that was asked for, and how that ended; `memo` belongs to it alone. */
export interface Transfer {
  readonly memo: string
  readonly fromId: string
  readonly toId: string
  readonly amountMinor: bigint
  readonly outcome: Outcome
}

/** A transfer as the ledger has it: what each account got by it, below zero where it gave. */
export interface Booking {
  readonly memo: string
  readonly changes: Balances
}

/** What was seen from outside, and what is there in the end. */
export interface Evidence {
  readonly opening: Balances
  readonly reads: readonly Read[]
  readonly transfers: readonly Transfer[]
  readonly bookings: readonly Booking[]
  readonly closing: Balances
}

/**
 * Judges a run by what its callers saw and what the ledger holds, never by what the server says of
 * itself. Returns a line for each promise of a bank that was not kept.
 */
export function findAnomalies({ opening, reads, transfers, bookings, closing }: Evidence) {
  return [
    ...reads.flatMap((read) => findWrongRead(read, opening)),
    ...findLies(
      new Map(transfers.map(({ memo, outcome }) => [memo, outcome])),
      countBy(bookings.map(({ memo }) => memo)),
    ),
    ...findWrongBookings(bookings, transfers),
    ...findDifferences(closing, balanceOf(opening, bookings)),
  ]
}

function findWrongRead({ by, balances }: Read, opening: Balances): string[] {
  const wrong: string[] = []
  const [sum, total] = [sumOf(balances), sumOf(opening)]
  if (balances.size !== opening.size) wrong.push(`${by} shows ${balances.size} accounts`)
  if (sum !== total) wrong.push(`${by} shows ${sum} in all instead of ${total}`)
  for (const [id, balance] of balances) {
    if (balance < 0n) wrong.push(`${by} shows ${balance} on ${id}`)
  }
  return wrong
}

/** What was booked must be what was asked for. */
function findWrongBookings(bookings: readonly Booking[], transfers: readonly Transfer[]) {
  const asked = new Map(transfers.map((transfer) => [transfer.memo, transfer]))
  return bookings.flatMap(({ memo, changes }) => {
    const transfer = asked.get(memo)
    if (!transfer) return [] // told by `findLies`
    const { fromId, toId, amountMinor } = transfer
    const isAsAsked =
      changes.size === 2 &&
      changes.get(fromId) === -amountMinor &&
      changes.get(toId) === amountMinor
    return isAsAsked ? [] : [`${memo}: ${describe(changes)} instead of ${amountMinor}`]
  })
}

/** What the accounts must hold after all that was booked. */
function balanceOf(opening: Balances, bookings: readonly Booking[]): Balances {
  const balances = new Map(opening)
  for (const { changes } of bookings) {
    for (const [id, change] of changes) balances.set(id, (balances.get(id) ?? 0n) + change)
  }
  return balances
}

function findDifferences(closing: Balances, expected: Balances): string[] {
  const ids = new Set([...closing.keys(), ...expected.keys()])
  return [...ids]
    .filter((id) => closing.get(id) !== expected.get(id))
    .map((id) => `${id} has ${closing.get(id)}, and ${expected.get(id)} by the ledger`)
}

const sumOf = (balances: Balances) => [...balances.values()].reduce((sum, one) => sum + one, 0n)

const describe = (changes: Balances) => [...changes].map(([id, by]) => `${by} on ${id}`).join(', ')

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
