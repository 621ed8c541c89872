/** Longest text of a server that is kept. */
const MAX_SAID = 200

/**
 * Why a mail was not taken: the server will never take it, or may take it later, or takes none at all at
 * the moment, or the connection ended before it was given the mail.
 */
export type WhyNotSent = 'refused' | 'put off' | 'away' | 'cut off'

/** A mail that the server has certainly not taken. The message is for who wanted it sent. */
export class NotSent extends Error {
  override readonly name = 'NotSent'
  readonly why: WhyNotSent

  constructor(why: WhyNotSent, said: string, options?: ErrorOptions) {
    super(keepable(said), options)
    this.why = why
  }
}

/** What a server has said, in one line, and not too much of it. */
export function keepable(said: string): string {
  return said
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, MAX_SAID)
    .toWellFormed()
}
