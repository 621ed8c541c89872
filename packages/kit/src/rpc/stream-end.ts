/** Why a stream ends that its reader is to resume: the abort reason of its calls. */
export class StreamEnd extends Error {
  override readonly name = 'StreamEnd'
  /** When the reader is to come back, in milliseconds. */
  readonly retryMs: number

  constructor(retryMs: number) {
    super('The stream ends here and is to be resumed.')
    this.retryMs = retryMs
  }
}
