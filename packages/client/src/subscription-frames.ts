/** What one frame of a stream says (HTML standard, 9.2.6). */
export interface Frame {
  /** Its kind; `message` for one that names none. */
  readonly event: string
  readonly data: string
  /** Its own id, where it has one that is not empty. */
  readonly id: string | undefined
}

/** Puts frames together from text that is cut anywhere. */
export interface FrameReader {
  /** The frames that are complete with this piece. Throws for one longer than any of ours. */
  read(piece: string): Frame[]
  /** When the server wants its reader back, in milliseconds: the last that it has said. */
  readonly retryMs: number | undefined
}

/** Longest frame, in characters; an answer of a Tautline server has 5 MB at most. */
const MAX_LENGTH = 16_000_000

/** A line break at the very end of what has come may be the first half of one. */
const LINE_BREAK = /\r\n|\n|\r(?!$)/

/** What was left unfinished when a connection broke belongs to no frame: each has its own reader. */
export function createFrameReader(): FrameReader {
  let rest = ''
  let isHalfBroken = false
  let data: string[] = []
  let length = 0
  let event = 'message'
  let id: string | undefined
  let retryMs: number | undefined

  function take(line: string): Frame | undefined {
    if (line === '') {
      const frame = data.length === 0 ? undefined : { event, data: data.join('\n'), id }
      data = []
      length = 0
      event = 'message'
      id = undefined
      return frame
    }
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') {
      data.push(value)
      length += value.length
    } else if (name === 'event') event = value || 'message'
    else if (name === 'id' && value !== '') id = value
    else if (name === 'retry' && /^\d{1,9}$/.test(value)) retryMs = Number(value)
    return undefined
  }

  return {
    get retryMs() {
      return retryMs
    },
    read(piece) {
      // Only with a break: a long line is not to be looked through again with each of its pieces.
      const hasBreak = isHalfBroken || /[\r\n]/.test(piece)
      isHalfBroken = piece.endsWith('\r')
      const lines = hasBreak ? (rest + piece).split(LINE_BREAK) : [rest + piece]
      rest = lines.pop() ?? ''
      if (rest.length + length > MAX_LENGTH) throw new RangeError('A frame is too long.')
      return lines.flatMap((line) => take(line) ?? [])
    },
  }
}
