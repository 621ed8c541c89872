/** Some tags, or everything there is. */
export type TagSelection = readonly string[] | 'all'

/** What a store knows about some tags at one moment. */
export interface TagState {
  /**
   * Changes whenever one of the tags, or everything, is bumped, and never comes back: what was kept
   * under another version is no longer valid.
   */
  readonly version: string
  /** Whether a change of one of the tags is under way: nothing read now may be kept. */
  readonly marked: boolean
}

/** A change that is under way. */
export interface Mark {
  readonly id: string
  /** After this the mark is gone, if nobody clears it, in milliseconds. */
  readonly ttlMs: number
}

/**
 * The versions of tags. A tag that nobody knows (new, expired, evicted, flushed) is given a version
 * of its own the first time it is read; if "unknown" were a version, it would come back.
 */
export interface TagStore {
  read(tags: readonly string[]): Promise<TagState>
  /** Bumps the tags and puts a mark on each, in one step. Marks of others are left alone. */
  mark(tags: readonly string[], mark: Mark): Promise<void>
  /** Bumps the tags once more and takes this mark away, in one step. Harmless when it is gone. */
  clear(tags: readonly string[], mark: Mark): Promise<void>
  /** Bumps the tags. `all` bumps every tag, and those who have none. */
  bump(selection: TagSelection): Promise<void>
}

/** The version of a read, out of those of its parts. */
export function joinVersions(epoch: string, versions: readonly string[]): string {
  return versions.length === 0 ? epoch : `${epoch} ${versions.join(' ')}`
}
