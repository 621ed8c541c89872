/** One answer that is kept, as text. */
export interface Entry {
  readonly text: string
  /** What it is valid under: see `TagState.version`. */
  readonly version: string
  /** Since when it is kept, until when it is fresh, and until when it may be served stale; Unix time in milliseconds. */
  readonly keptAt: number
  readonly freshUntil: number
  readonly staleUntil: number
}

export interface EntriesOptions {
  readonly maxEntries: number
  /** Of the keys and texts, as UTF-8. */
  readonly maxBytes: number
}

/** What is kept in this process: bounded by number and bytes, the least recently used goes first. */
export interface Entries {
  readonly size: number
  readonly bytes: number
  get(key: string): Entry | undefined
  /** An entry that is larger than all the room there is, is not kept. */
  set(key: string, entry: Entry): void
  clear(): void
}

export function createEntries({ maxEntries, maxBytes }: EntriesOptions): Entries {
  const kept = new Map<string, { readonly entry: Entry; readonly bytes: number }>()
  let bytes = 0

  function drop(key: string): void {
    bytes -= kept.get(key)?.bytes ?? 0
    kept.delete(key)
  }

  function trim(): void {
    for (const key of kept.keys()) {
      if (kept.size <= maxEntries && bytes <= maxBytes) return
      drop(key)
    }
  }

  return {
    get size() {
      return kept.size
    },
    get bytes() {
      return bytes
    },
    get(key) {
      const found = kept.get(key)
      if (!found) return undefined
      kept.delete(key)
      kept.set(key, found)
      return found.entry
    },
    set(key, entry) {
      drop(key)
      const own = Buffer.byteLength(entry.text) + Buffer.byteLength(key)
      if (own > maxBytes) return
      kept.set(key, { entry, bytes: own })
      bytes += own
      trim()
    },
    clear() {
      kept.clear()
      bytes = 0
    },
  }
}
