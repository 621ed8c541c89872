import type { Kysely } from 'kysely'

/**
 * The tables a query may name. Open to declaration merging: the library's features and a backend's
 * own add theirs.
 *
 * ```ts
 * declare module '@tautline/kit' {
 *   interface Database { note: NoteTable }
 * }
 * ```
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- filled by merging
export interface Database {}

/** The query layer over the pool, or over one transaction of it: query functions take either. */
export type Db = Kysely<Database>
