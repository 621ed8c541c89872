import { createHash } from 'node:crypto'

import { Failure } from '@tautline/shared'

import { orAborted } from '../platform/abort.ts'
import { badInput } from '../platform/bad-input.ts'
import { createContentSniffer } from './content-type.ts'
import { FILE_TOO_LARGE, UPLOAD_INCOMPLETE } from './errors.ts'

/** How much may come. */
export interface Allowance {
  /** Largest file, in bytes. */
  readonly maxBytes: number
  /** How many will come, where that is known. */
  readonly expectedBytes: number | undefined
  /** Throws when there is no room for so many bytes. */
  readonly checkRoom: (bytes: number) => void
}

/** What the bytes of a file tell about it, as they come. */
export interface Intake {
  /** The bytes of a source; throws for one too many, and for an end that comes too soon. */
  read(source: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncIterable<Uint8Array>
  /** Of the bytes so far. To be asked once, after the last. */
  facts(): { readonly contentType: string; readonly sha256: string }
}

/** Throws for what need not begin to come. */
export function checkExpected({ expectedBytes, maxBytes, checkRoom }: Allowance): void {
  const least = expectedBytes ?? 0
  if (least > maxBytes) throw new Failure(FILE_TOO_LARGE, { data: { maxBytes } })
  checkRoom(least)
}

export function createIntake(allowance: Allowance): Intake {
  const hash = createHash('sha256')
  const sniffer = createContentSniffer()
  const { maxBytes, expectedBytes, checkRoom } = allowance

  function admit(size: number): void {
    if (expectedBytes !== undefined && size > expectedBytes) throw longerThanTold()
    if (size > maxBytes) throw new Failure(FILE_TOO_LARGE, { data: { maxBytes } })
    checkRoom(size)
  }

  return {
    async *read(source, signal) {
      let size = 0
      for await (const chunk of untilAborted(source, signal)) {
        size += chunk.length
        admit(size)
        hash.update(chunk)
        sniffer.add(chunk)
        yield chunk
      }
      if (size < (expectedBytes ?? 0)) throw new Failure(UPLOAD_INCOMPLETE)
    },
    facts: () => ({ contentType: sniffer.contentType, sha256: hash.digest('hex') }),
  }
}

/** Ends with the reason of the signal, also while the source is silent. */
async function* untilAborted(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const chunks = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      signal?.throwIfAborted()
      const step = await orAborted(chunks.next(), signal)
      if (step.done === true) return
      yield step.value
    }
  } finally {
    // Not waited for: a generator that waits for something itself ends only after that.
    chunks.return?.().catch(() => {})
  }
}

function longerThanTold(): Failure {
  const message = 'More bytes have come than were announced.'
  return badInput([{ path: ['size'], code: 'longer_than_told', message }])
}
