import type { TagSelection, TagStore } from './tag-store.ts'

/** Tags owed, beyond which everything is. */
const MAX_OWED = 1_000

/** Bumps that a store could not take, and without which it must not be believed. */
export interface Debt {
  owe(selection: TagSelection): void
  /** Resolves when nothing is owed. Rejects when the store still takes nothing. */
  pay(): Promise<void>
}

export function createDebt(store: Pick<TagStore, 'bump'>): Debt {
  let owed: Set<string> | 'all' = new Set()
  let paying: Promise<void> | undefined

  function owe(selection: TagSelection): void {
    if (owed === 'all') return
    if (selection === 'all') owed = 'all'
    else for (const tag of selection) owed.add(tag)
    if (owed !== 'all' && owed.size > MAX_OWED) owed = 'all'
  }

  const isOwed = () => owed === 'all' || owed.size > 0

  async function payAll(): Promise<void> {
    try {
      while (isOwed()) {
        const part: TagSelection = owed === 'all' ? owed : [...owed]
        owed = new Set()
        try {
          await store.bump(part)
        } catch (error) {
          owe(part)
          throw error
        }
      }
    } finally {
      paying = undefined
    }
  }

  return {
    owe,
    async pay() {
      if (isOwed() || paying) await (paying ??= payAll())
    },
  }
}
