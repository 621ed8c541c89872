import type { Clock } from '../../platform/clock.ts'
import type { Metrics } from '../../platform/metrics.ts'
import { joinVersions, type Mark, type TagStore, type TagState } from './tag-store.ts'

/** Versions kept; what is pushed out costs its readers a miss. */
const MAX_TAGS = 100_000

export interface MemoryTagStore extends TagStore, Disposable {
  /** As `read`, at once. */
  readNow(tags: readonly string[]): TagState
}

export interface MemoryTagStoreOptions {
  readonly clock: Clock
  readonly metrics: Metrics
  /** Default 100,000. */
  readonly maxTags?: number
}

/** The versions of one process. At most `maxTags`, by last use; gauge `cache_tags`. */
export function createMemoryTagStore(options: MemoryTagStoreOptions): MemoryTagStore {
  const { clock, metrics, maxTags = MAX_TAGS } = options
  const versions = new Map<string, string>() // by last use, the oldest first
  const marks = createMarks(clock)
  let last = 0
  let epoch = next()
  const removeGauge = metrics.gauge('cache_tags', () => versions.size)

  function next(): string {
    return (++last).toString(36)
  }

  function put(tag: string, version: string): string {
    versions.delete(tag)
    versions.set(tag, version)
    if (versions.size > maxTags) {
      const [oldest] = versions.keys()
      if (oldest !== undefined) versions.delete(oldest)
    }
    return version
  }

  function readNow(tags: readonly string[]): TagState {
    const current = tags.map((tag) => put(tag, versions.get(tag) ?? next()))
    return { version: joinVersions(epoch, current), marked: marks.cover(tags) }
  }

  function bumpTags(tags: readonly string[]): void {
    for (const tag of tags) put(tag, next())
  }

  return {
    readNow,
    read: async (tags) => readNow(tags),
    async mark(tags, mark) {
      bumpTags(tags)
      marks.add(tags, mark)
    },
    async clear(tags, mark) {
      bumpTags(tags)
      marks.remove(mark)
    },
    async bump(selection) {
      if (selection === 'all') epoch = next()
      else bumpTags(selection)
    },
    [Symbol.dispose]: removeGauge,
  }
}

/** The marks that stand. There are as many as changes under way; forgotten ones expire. */
function createMarks(clock: Clock) {
  const standing = new Map<
    string,
    { readonly tags: ReadonlySet<string>; readonly endsAt: number }
  >()

  function prune(): void {
    const now = clock.now().getTime()
    for (const [id, { endsAt }] of standing) if (endsAt <= now) standing.delete(id)
  }

  return {
    add(tags: readonly string[], { id, ttlMs }: Mark): void {
      prune()
      standing.set(id, { tags: new Set(tags), endsAt: clock.now().getTime() + ttlMs })
    },
    remove({ id }: Mark): void {
      standing.delete(id)
    },
    cover(tags: readonly string[]): boolean {
      if (standing.size === 0) return false
      prune()
      for (const mark of standing.values()) if (tags.some((tag) => mark.tags.has(tag))) return true
      return false
    },
  }
}
