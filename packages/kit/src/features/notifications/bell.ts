import { createHash } from 'node:crypto'

/** The channel that rings when somebody is to know something. */
export const NOTIFICATION_CHANNEL = 'tautline_notification'

/** Whom it rings for: of any length, and nothing for whoever listens in. */
export function bellOf(owner: string): string {
  return createHash('sha256').update(owner).digest('base64url')
}
