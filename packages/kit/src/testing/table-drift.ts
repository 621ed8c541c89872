import type { Insertable, InsertType, SelectType, UpdateType } from 'kysely'

/**
 * Where the types of the code and the columns of the database differ, a sentence each; `'none'` when
 * nowhere. A type may be narrower than its column (a union for text that a CHECK restricts), and may
 * forbid to write what could be written. It is null exactly where the column may be, but for JSON,
 * which has a null of its own.
 */
export type TableDrift<Typed, Actual> = OrNone<
  {
    [T in Names<Typed, Actual>]: T extends keyof Typed
      ? T extends keyof Actual
        ? `${T}.${ColumnDrift<Typed[T], Actual[T]>}`
        : `${T}: the database has no such table`
      : `${T}: the table has no type`
  }[Names<Typed, Actual>]
>

type Names<One, Other> = (keyof One | keyof Other) & string

type OrNone<Sentences> = [Sentences] extends [never] ? 'none' : Sentences

type ColumnDrift<Typed, Actual> = {
  [C in Names<Typed, Actual>]: C extends keyof Typed
    ? C extends keyof Actual
      ? `${C}: ${Verdict<Typed, Actual, C>}`
      : `${C}: the table has no such column`
    : `${C}: the column has no type`
}[Names<Typed, Actual>]

/** `never` when the type and the column agree. */
type Verdict<Typed, Actual, C extends keyof Typed & keyof Actual> =
  Reads<SelectType<Typed[C]>, SelectType<Actual[C]>> extends false
    ? 'the type reads otherwise than the column'
    : Inserts<Typed, Actual, C> extends false
      ? 'the type inserts otherwise than the column'
      : Fits<UpdateType<Typed[C]>, UpdateType<Actual[C]>> extends false
        ? 'the type updates otherwise than the column'
        : never

type Fits<Narrow, Wide> = [Narrow] extends [Wide] ? true : false

type Reads<Typed, Actual> = unknown extends Actual
  ? true
  : Fits<[Typed, null extends Actual ? null : never], [Actual, Typed]>

/** What must be given, because the column has no default, must be there to give. */
type Inserts<Typed, Actual, C extends keyof Typed & keyof Actual> = Fits<
  [InsertType<Typed[C]>, Insertable<Pick<Typed, C>>],
  [InsertType<Actual[C]>, Insertable<Pick<Actual, C>>]
>
