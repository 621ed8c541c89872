/** Longest text of a server that is kept. */
const MAX_SAID = 200

interface NotSentOptions extends ErrorOptions {
  /** Whether the server may take it another time. */
  readonly isPassing: boolean
}

/** A mail that the server has certainly not taken. The message is for who wanted it sent. */
export class NotSent extends Error {
  override readonly name = 'NotSent'
  readonly isPassing: boolean

  constructor(said: string, { isPassing, ...options }: NotSentOptions) {
    super(said.replace(/\p{Cc}+/gu, ' ').slice(0, MAX_SAID), options)
    this.isPassing = isPassing
  }
}
