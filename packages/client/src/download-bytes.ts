import type { CallError } from './call-error.ts'
import type { Facts, Range } from './download-facts.ts'
import type { FileCall } from './files-call.ts'
import { LinkError } from './links/link-error.ts'
import { createSha256 } from './sha256.ts'
import type { TransferProgress } from './stored-file.ts'
import { clientError } from './to-call-error.ts'

/** An answer, and what its headers say. */
export interface Opened {
  readonly response: Response
  readonly facts: Facts
}

/** The bytes of an answer, and where it breaks off those of another one from there on. */
export async function* resumed(
  call: FileCall,
  { response, facts }: Opened,
  goOn: (range: Range) => Promise<Opened>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const { from, to, sha256 } = facts
  let [at, failures] = [from, 0]
  const count = (bytes: number) => {
    at += bytes
    failures = 0
    if (at > to) throw clientError('BAD_RESPONSE', new Error('More came than the file has.'))
  }
  for (let current = response; ;) {
    const broke = yield* piecesOf(current, count)
    if (at === to) return
    const error: CallError = call.explain(new LinkError('connection', { cause: broke }))
    if (error.reason === 'ABORTED' || ++failures >= call.maxAttempts) throw error
    await call.rest(failures) // also after a byte or two, which may be all that comes each time
    const next = await goOn({ start: at, end: to - 1 })
    current = next.response
    if (next.facts.sha256 === sha256) continue
    current.body?.cancel().catch(() => {})
    throw clientError('BAD_RESPONSE', new Error('This is another file by now.'))
  }
}

/** Returns what has ended them, where that was an error. */
async function* piecesOf(
  { body }: Response,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array<ArrayBuffer>, unknown> {
  const reader = body?.getReader()
  try {
    for (;;) {
      const step = await reader?.read().catch((cause: unknown) => ({ cause }))
      if (!step || 'cause' in step) return step?.cause
      if (step.done) return undefined
      count(step.value.length)
      yield step.value
    }
  } finally {
    reader?.cancel().catch(() => {}) // of one that has ended it does nothing
  }
}

/** Throws at the end of bytes whose hash is another. */
export async function* verified(
  pieces: AsyncIterable<Uint8Array<ArrayBuffer>>,
  sha256: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const hash = createSha256()
  for await (const piece of pieces) {
    hash.add(piece)
    yield piece
  }
  if (hash.digest() === sha256) return
  throw clientError('BAD_RESPONSE', new Error('The bytes are not those of the file.'))
}

/** Tells of each piece that somebody has taken. */
export async function* reported(
  pieces: AsyncIterable<Uint8Array<ArrayBuffer>>,
  totalBytes: number,
  onProgress: ((progress: TransferProgress) => void) | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  let bytes = 0
  for await (const piece of pieces) {
    bytes += piece.length
    yield piece
    onProgress?.({ bytes, totalBytes })
  }
}
