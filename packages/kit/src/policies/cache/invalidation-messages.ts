import type { TagSelection } from './tag-store.ts'

/** Where processes tell each other what is no longer valid. */
export const CHANNEL = 'tautline_cache'

/** Postgres takes less than 8,000 bytes. */
const MAX_BYTES = 7_900

/** Messages for one change; what does not fit is told as `all`. */
const MAX_MESSAGES = 4

/** The change as few messages, each short enough for NOTIFY. */
export function toMessages(selection: TagSelection): string[] {
  if (selection === 'all') return [JSON.stringify('all')]
  const messages: string[] = []
  let part: string[] = []
  let bytes = 2
  for (const tag of selection) {
    const own = Buffer.byteLength(JSON.stringify(tag)) + 1
    if (own > MAX_BYTES - 2) return toMessages('all')
    if (bytes + own > MAX_BYTES) {
      messages.push(JSON.stringify(part))
      part = []
      bytes = 2
    }
    part.push(tag)
    bytes += own
  }
  if (part.length > 0) messages.push(JSON.stringify(part))
  return messages.length > MAX_MESSAGES ? toMessages('all') : messages
}

/** What a message says. One that cannot be read, perhaps of another version, means everything. */
export function fromMessage(message: string): TagSelection {
  try {
    const told: unknown = JSON.parse(message)
    if (Array.isArray(told) && told.every((tag) => typeof tag === 'string')) return told
  } catch {
    // not ours
  }
  return 'all'
}
