-- What the functions of verify-ledger.ts send, called as in verify-ledger.fixture.ts.
-- Derived: do not edit.

-- verifyLedger
with total as (
  select currency, sum(balance_minor) as sum
  from account
  group by currency
), problem as (
  select json_build_object('kind', 'balanceDiffers', 'accountId', id, 'balanceMinor', balance_minor::text, 'entriesMinor', coalesce(sum, 0)::text) as fact
  from account
  left join (
    select account_id, sum(amount_minor) as sum
    from ledger_entry
    group by account_id
  ) as entries on account_id = id
  where balance_minor <> coalesce(sum, 0)
  union all
  select json_build_object('kind', 'balanceNegative', 'accountId', id, 'balanceMinor', balance_minor::text)
  from account
  where kind <> 'system' and balance_minor < 0
  union all
  select json_build_object('kind', 'chainBroken', 'accountId', account_id, 'transferId', transfer_id, 'balanceAfterMinor', balance_after_minor::text, 'expectedMinor', expected::text)
  from (
    select account_id, transfer_id, balance_after_minor, amount_minor::numeric + coalesce(lag(balance_after_minor) over (partition by account_id order by id), 0) as expected
    from ledger_entry
  ) as chain
  where balance_after_minor <> expected
  union all
  select json_build_object('kind', 'transferUnbalanced', 'transferId', transfer_id, 'currency', currency, 'sumMinor', sum(amount_minor)::text)
  from ledger_entry
  join account on account.id = account_id
  group by transfer_id, currency
  having sum(amount_minor) <> 0
  union all
  select json_build_object('kind', 'transferDiffers', 'transferId', coalesce(transfer.id, transfer_id))
  from transfer
  full join ledger_entry as entry on transfer_id = transfer.id
  group by coalesce(transfer.id, transfer_id)
  having count(entry.id) <> 2 or count(*) filter (where account_id = from_id and entry.amount_minor = -transfer.amount_minor) <> 1 or count(*) filter (where account_id = to_id and entry.amount_minor = transfer.amount_minor) <> 1
  union all
  select json_build_object('kind', 'countBroken', 'accountId', from_id, 'transferId', id, 'nth', nth::text, 'expectedNth', expected_nth::text, 'sentMinor', sent_minor::text, 'expectedSentMinor', expected_sent::text)
  from (
    select id, from_id, nth, sent_minor, 1 + coalesce(lag(nth) over earlier, 0) as expected_nth, amount_minor + coalesce(lag(sent_minor) over earlier, 0) as expected_sent
    from transfer
    window earlier as (partition by from_id order by nth)
  ) as numbered
  where nth <> expected_nth or sent_minor <> expected_sent
  union all
  select json_build_object('kind', 'currencyUnbalanced', 'currency', currency, 'totalMinor', sum::text)
  from total
  where sum <> 0
)
select (
  select count(*)::float8
  from account
) as accounts, (
  select count(*)::float8
  from ledger_entry
) as entries, (
  select coalesce(json_agg(json_build_object('currency', currency, 'totalMinor', sum::text) order by currency), '[]')
  from total
) as "totalsByCurrency", (
  select coalesce(json_agg(fact), '[]')
  from (
    select fact
    from problem
    limit $1
  ) as first
) as problems;
