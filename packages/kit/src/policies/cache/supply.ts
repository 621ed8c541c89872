import type { Clock } from '../../platform/clock.ts'
import type { Entries } from './entries.ts'
import { fillShared, type Filled } from './fill.ts'
import type { SharedEntries } from './redis-entries.ts'
import type { View } from './validity.ts'

/** One read on its way. */
export interface Asked {
  readonly key: string
  /** How long a new answer is fresh, and stale after that, in milliseconds. */
  readonly freshMs: number
  readonly staleMs: number
  /** How long another process' fill is waited for, in milliseconds. */
  readonly patienceMs: number
  /** Whether what is stale will not do. */
  readonly renews: boolean
  /** Runs the query. */
  readonly make: (signal: AbortSignal) => Promise<string>
}

/** What one flight brings. */
export interface Brought extends Filled {
  readonly stale: boolean
}

export interface SupplyParts {
  readonly entries: Entries
  readonly shared: SharedEntries | undefined
  readonly clock: Clock
}

/** Where answers come from: this process, the others, the database. */
export function createSupply({ entries, shared, clock }: SupplyParts) {
  const now = () => clock.now().getTime()

  /** What this process keeps, if it is valid under this version. */
  function find(key: string, version: string) {
    const entry = entries.get(key)
    if (entry?.version !== version) return undefined
    // A clock that was set back must not make entries live longer.
    if (now() < entry.keptAt || now() >= entry.staleUntil) return undefined
    return { text: entry.text, stale: now() >= entry.freshUntil }
  }

  async function fill(asked: Asked, view: View, signal: AbortSignal): Promise<Filled> {
    const { key, freshMs, staleMs, patienceMs, renews, make } = asked
    const lifeMs = freshMs + staleMs
    if (!shared || view.sharedVersion === undefined) {
      return { text: await make(signal), lifeMs, made: true }
    }
    const place = { key, version: view.sharedVersion, token: crypto.randomUUID() }
    const minLifeMs = renews ? staleMs : 0
    return fillShared({ shared, place, minLifeMs, lifeMs, patienceMs, signal, make })
  }

  /** From the other processes or the database; kept, where the view allows it. */
  async function bring(asked: Asked, view: View, signal: AbortSignal): Promise<Brought> {
    const { key, staleMs } = asked
    const before = entries.get(key)
    const filled = await fill(asked, view, signal)
    const { text, lifeMs } = filled
    const kept = entries.get(key)
    // Another one has been kept since this began: under a newer version, or newer itself.
    const overtaken = kept !== undefined && kept !== before
    if (view.use === 'cached' && !overtaken) {
      const keptAt = now()
      const [freshUntil, staleUntil] = [keptAt + lifeMs - staleMs, keptAt + lifeMs]
      entries.set(key, { text, version: view.version, keptAt, freshUntil, staleUntil })
    }
    return { ...filled, stale: lifeMs <= staleMs }
  }

  return { find, bring }
}
