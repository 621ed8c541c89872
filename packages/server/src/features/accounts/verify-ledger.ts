import { sql, type RawBuilder } from 'kysely'
import type { z } from 'zod'

import type { Db } from '@tautline/kit'

import type { LedgerReport } from './verify-schema.ts'

/** Problems that are told at most. */
const MAX_PROBLEMS = 100

/**
 * What does not add up in the ledger. One statement, and so of one moment: transfers go on meanwhile
 * and are seen whole or not at all. It reads everything, and locks nothing.
 */
export async function verifyLedger(db: Db): Promise<z.input<typeof LedgerReport>> {
  const { rows } = await sql<Omit<z.input<typeof LedgerReport>, 'ok'>>`
    with total as (select currency, sum(balance_minor) as sum from account group by currency),
    problem as (${sql.join(problems, sql` union all `)})
    select
      (select count(*)::float8 from account) as accounts,
      (select count(*)::float8 from ledger_entry) as entries,
      (select coalesce(json_agg(
          json_build_object('currency', currency, 'totalMinor', sum::text) order by currency
        ), '[]') from total) as "totalsByCurrency",
      (select coalesce(json_agg(fact), '[]')
        from (select fact from problem limit ${MAX_PROBLEMS}) as first) as problems`.execute(db)
  const [report] = rows
  if (!report) throw new Error('A select without a table gives one row.')
  return { ok: report.problems.length === 0, ...report }
}

const balanceDiffers = sql`
  select json_build_object('kind', 'balanceDiffers', 'accountId', id,
    'balanceMinor', balance_minor::text, 'entriesMinor', coalesce(sum, 0)::text) as fact
  from account left join (
    select account_id, sum(amount_minor) as sum from ledger_entry group by account_id
  ) as entries on account_id = id
  where balance_minor <> coalesce(sum, 0)`

const balanceNegative = sql`
  select json_build_object('kind', 'balanceNegative', 'accountId', id,
    'balanceMinor', balance_minor::text)
  from account where kind <> 'system' and balance_minor < 0`

const chainBroken = sql`
  select json_build_object('kind', 'chainBroken', 'accountId', account_id,
    'transferId', transfer_id, 'balanceAfterMinor', balance_after_minor::text,
    'expectedMinor', expected::text)
  from (
    select account_id, transfer_id, balance_after_minor, amount_minor::numeric
      + coalesce(lag(balance_after_minor) over (partition by account_id order by id), 0) as expected
    from ledger_entry
  ) as chain
  where balance_after_minor <> expected`

const transferUnbalanced = sql`
  select json_build_object('kind', 'transferUnbalanced', 'transferId', transfer_id,
    'currency', currency, 'sumMinor', sum(amount_minor)::text)
  from ledger_entry join account on account.id = account_id
  group by transfer_id, currency having sum(amount_minor) <> 0`

/** The join is full, so that entries of a transfer that is not there are found too. */
const transferDiffers = sql`
  select json_build_object('kind', 'transferDiffers',
    'transferId', coalesce(transfer.id, transfer_id))
  from transfer full join ledger_entry as entry on transfer_id = transfer.id
  group by coalesce(transfer.id, transfer_id)
  having count(entry.id) <> 2
    or count(*) filter (where account_id = from_id and entry.amount_minor = -transfer.amount_minor) <> 1
    or count(*) filter (where account_id = to_id and entry.amount_minor = transfer.amount_minor) <> 1`

const countBroken = sql`
  select json_build_object('kind', 'countBroken', 'accountId', from_id, 'transferId', id,
    'nth', nth::text, 'expectedNth', expected_nth::text,
    'sentMinor', sent_minor::text, 'expectedSentMinor', expected_sent::text)
  from (
    select id, from_id, nth, sent_minor,
      1 + coalesce(lag(nth) over earlier, 0) as expected_nth,
      amount_minor + coalesce(lag(sent_minor) over earlier, 0) as expected_sent
    from transfer window earlier as (partition by from_id order by nth)
  ) as numbered
  where nth <> expected_nth or sent_minor <> expected_sent`

const currencyUnbalanced = sql`
  select json_build_object('kind', 'currencyUnbalanced', 'currency', currency,
    'totalMinor', sum::text)
  from total where sum <> 0`

/** One for each kind of problem. */
const problems: RawBuilder<unknown>[] = [
  balanceDiffers,
  balanceNegative,
  chainBroken,
  transferUnbalanced,
  transferDiffers,
  countBroken,
  currencyUnbalanced,
]
