import type { Db } from '../db/database.ts'

/** The functions among some that take `db` first. */
type QueryName<F> = {
  [Name in keyof F]: F[Name] extends (...args: never) => unknown
    ? Parameters<F[Name]>[0] extends Db
      ? Name
      : never
    : never
}[keyof F]

/** What a query function takes behind `db`. */
type Arguments<Query> = Query extends (db: Db, ...rest: infer Rest) => unknown ? Rest : never

/** Arguments for every query function: one list, or several by what they are a case of. */
type Samples<F> = {
  readonly [Name in QueryName<F>]: Arguments<F[Name]> | Record<string, Arguments<F[Name]>>
}

/** One call that shows the SQL of a query function. */
export interface SqlSample {
  /** `listItems`, or `listItems: the first page`. */
  readonly name: string
  readonly run: (db: Db) => unknown
}

/** Samples of the query functions of one file. */
export interface SqlSamples {
  /** Writes the rows that the queries are to find. */
  readonly given: (db: Db) => Promise<unknown>
  readonly samples: readonly SqlSample[]
}

/**
 * Sample arguments for every function of `queries` that takes `db` first; a function without any is
 * a type error. What they send to Postgres is committed beside them, as `deriveFiles` has it. Each
 * finds the rows that `given` has written, and nothing that another sample has done.
 *
 * ```ts
 * export const samples = samplesOf(queries, {
 *   findItem: [{ ownerId: 'anna', tenantId: '', id }],
 *   listItems: { 'the first page': [{ after: undefined, limit: 10 }], … },
 * })
 * ```
 */
export function samplesOf<F extends object>(
  queries: F,
  samples: Samples<F>,
  given?: SqlSamples['given'],
): SqlSamples
export function samplesOf(
  queries: object,
  samples: Readonly<Record<string, unknown[] | Record<string, unknown[]>>>,
  given: SqlSamples['given'] = async () => {},
): SqlSamples {
  return {
    given,
    samples: Object.entries(samples).flatMap(([name, sample]) => {
      const query: unknown = Reflect.get(queries, name)
      if (typeof query !== 'function') throw new TypeError(`There is no function ${name}.`)
      const cases = Array.isArray(sample) ? { '': sample } : sample
      return Object.entries(cases).map(([what, args]) => ({
        name: what === '' ? name : `${name}: ${what}`,
        run: (db: Db): unknown => Reflect.apply(query, queries, [db, ...args]),
      }))
    }),
  }
}
