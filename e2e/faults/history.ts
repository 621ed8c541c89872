import { CallError } from '@tautline/client'

/** How one call that leaves a row ended, as its caller saw it. */
export type Outcome =
  | { readonly kind: 'ok' }
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly retryable: boolean }

/** What the callers saw, by the name that each call gives its row. */
export type History = ReadonlyMap<string, Outcome>

const UNKNOWN = new Set(['COMMIT_UNKNOWN', 'OUTCOME_UNKNOWN'])

/** Awaits a call and says how it ended. Throws what is not a `CallError`: there is no such thing. */
export async function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  try {
    await call
    return { kind: 'ok' }
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    const { reason, retryable } = error
    return UNKNOWN.has(reason) ? { kind: 'unknown', reason } : { kind: 'failed', reason, retryable }
  }
}

/**
 * Compares what the callers saw with what is there: 1 row for each success, none for each failure,
 * and at most one for each unknown end. Returns a line for every lie.
 */
export function findLies(history: History, rows: ReadonlyMap<string, number>): string[] {
  const lies: string[] = []
  for (const [name, outcome] of history) {
    const count = rows.get(name) ?? 0
    const most = outcome.kind === 'failed' ? 0 : 1
    const least = outcome.kind === 'ok' ? 1 : 0
    if (count < least || count > most) lies.push(`${name}: ${describe(outcome)}, ${count} rows`)
  }
  for (const name of rows.keys()) {
    if (!history.has(name)) lies.push(`${name}: nobody asked for it`)
  }
  return lies
}

function describe(outcome: Outcome): string {
  return outcome.kind === 'ok' ? 'ok' : `${outcome.kind} (${outcome.reason})`
}

/** How often each end was seen: `{ ok: 812, UNAVAILABLE: 95 }`. */
export function tally(outcomes: Iterable<Outcome>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) {
    const name = outcome.kind === 'ok' ? 'ok' : outcome.reason
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}
