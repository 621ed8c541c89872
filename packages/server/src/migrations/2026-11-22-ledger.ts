import { sql, type Kysely } from 'kysely'

/** What moved between accounts, in double entry: written once, and never changed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createTransfer(db)
  await createLedgerEntry(db)
  await refuseChanges(db)
  await requireBalance(db)
}

async function createTransfer(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('transfer')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('from_id', 'uuid', (column) => column.notNull().references('account.id'))
    .addColumn('to_id', 'uuid', (column) => column.notNull().references('account.id'))
    .addColumn('amount_minor', 'bigint', (column) => column.notNull())
    .addColumn('memo', 'text')
    // The time of the transaction would be when it began to wait for its locks.
    .addColumn('at', 'timestamptz', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
    .addColumn('nth', 'bigint', (column) => column.notNull())
    .addColumn('sent_minor', sql`numeric`, (column) => column.notNull())
    .addCheckConstraint('transfer_amount_positive', sql`amount_minor > 0`)
    .addCheckConstraint('transfer_between_two', sql`from_id <> to_id`)
    .addUniqueConstraint('transfer_from_nth', ['from_id', 'nth'])
    .execute()
  await db.schema
    .createIndex('transfer_from_sent')
    .on('transfer')
    .columns(['from_id', 'sent_minor'])
    .execute()
}

async function createLedgerEntry(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('ledger_entry')
    .addColumn('account_id', 'uuid', (column) => column.notNull().references('account.id'))
    // An account is locked while it gets an entry: its ids are in the order of what happened.
    .addColumn('id', 'bigint', (column) => column.notNull().generatedAlwaysAsIdentity())
    .addColumn('transfer_id', 'uuid', (column) => column.notNull().references('transfer.id'))
    .addColumn('amount_minor', 'bigint', (column) => column.notNull())
    .addColumn('balance_after_minor', 'bigint', (column) => column.notNull())
    // The order of `accounts.history`. No index is by id alone, lest a plan walks other accounts.
    .addPrimaryKeyConstraint('ledger_entry_pkey', ['account_id', 'id'])
    .addUniqueConstraint('ledger_entry_of_transfer', ['transfer_id', 'account_id'])
    .addCheckConstraint('ledger_entry_moves_something', sql`amount_minor <> 0`)
    .execute()
}

/** What was booked stays booked, whoever asks: a mistake is put right by another transfer. */
async function refuseChanges(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function refuse_ledger_change() returns trigger language plpgsql
    set search_path from current as $$ begin
      raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
    end $$`.execute(db)
  for (const table of ['transfer', 'ledger_entry']) {
    await sql`
      create trigger append_only before update or delete or truncate on ${sql.table(table)}
      for each statement execute function refuse_ledger_change()`.execute(db)
  }
}

/**
 * A transfer has two entries, and these are what it says: the sender's and the receiver's, in one
 * currency, so that they sum to zero. Checked at the commit, because it is written before them. The
 * tables are those of now, wherever a session looks for its own.
 */
async function requireBalance(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function require_balanced_transfer() returns trigger language plpgsql
    set search_path from current as $$
    declare
      checked uuid;
    begin
      if tg_table_name = 'transfer' then checked := new.id; else checked := new.transfer_id; end if;
      if not (
        select count(*) = 2 and count(distinct currency) = 1 and bool_and(
          case account_id
            when from_id then entry.amount_minor = -transfer.amount_minor
            when to_id then entry.amount_minor = transfer.amount_minor
            else false
          end
        )
        from transfer
          join ledger_entry as entry on transfer_id = transfer.id
          join account on account.id = account_id
        where transfer.id = checked
      ) then
        raise exception 'the entries of transfer % are not the two that it says', checked
          using errcode = 'check_violation', constraint = 'transfer_balanced', table = tg_table_name;
      end if;
      return null;
    end $$`.execute(db)
  for (const table of ['transfer', 'ledger_entry']) {
    await sql`
      create constraint trigger transfer_balanced after insert on ${sql.table(table)}
      deferrable initially deferred
      for each row execute function require_balanced_transfer()`.execute(db)
  }
}
