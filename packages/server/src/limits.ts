import type { Limits } from '@tautline/kit'

const perMinute = (amount: number) => ({ amount, windowMs: 60_000 })

/**
 * How often anybody may call: procedures name these. Far above what a person or a well-behaved
 * program does, so that they meet only who floods. Whoever signs in is limited by `auth` itself.
 */
export const limits: Limits = {
  reads: { ...perMinute(60_000), by: 'caller' },
  writes: { ...perMinute(30_000), by: 'caller' },
  /** In rows: a call costs as many as it brings. */
  importedRows: { ...perMinute(1_000_000), by: 'caller' },
  /** In files: one that breaks goes on where it was. */
  exports: { ...perMinute(60), by: 'caller' },
  /** In files, of any length. */
  imports: { ...perMinute(60), by: 'caller' },
  /** In requests to others: a call costs as many as it makes. */
  outgoing: { ...perMinute(30_000), by: 'caller' },
}
