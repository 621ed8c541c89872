import type { Readable, Writable } from 'node:stream'

import { Failure } from '@tautline/kit'

import { IMAGE_BROKEN, IMAGE_NOT_SUPPORTED, IMAGE_PROCESS_ENDED, tooLarge } from './errors.ts'
import type { ImageAnswer, ImageInfo } from './image-messages.ts'
import { giveBack, takeLauncher, type ImageLauncher } from './launcher-pool.ts'
import type { ImageOperation } from './schema.ts'

export interface ImageJob {
  readonly source: Readable
  /** How many it has. */
  readonly bytes: number
  readonly operations: readonly ImageOperation[]
  /** Resident memory that its process may take. */
  readonly maxMemoryBytes: number
  readonly signal: AbortSignal
}

/** An image that was made, and is to be taken. */
export interface MadeImage {
  readonly info: ImageInfo
  readonly bytes: AsyncIterable<Uint8Array>
}

type Refused = Extract<ImageAnswer, { is: 'refused' }>

/** What an image has come to: with what its taker made of it, or with why there is none. */
type Outcome<T> = { readonly is: 'taken'; readonly value: T } | Refused

/**
 * Has an image made by a process of its own, and lets `take` have it. The process has ended when this
 * settles, whatever happens: with the signal, with this process, or by itself. Throws
 * `IMAGE_NOT_SUPPORTED`, `IMAGE_TOO_LARGE`, `IMAGE_BROKEN`, and `IMAGE_PROCESS_ENDED` when the process
 * has come to its end before its answer.
 */
export async function runImage<T>(
  job: ImageJob,
  take: (made: MadeImage) => Promise<T>,
): Promise<T> {
  const { source, signal } = job
  signal.throwIfAborted()
  const launcher = takeLauncher()
  signal.addEventListener('abort', launcher.kill, { once: true })
  let outcome: Outcome<T>
  try {
    outcome = await outcomeOf(job, launcher, take)
  } catch (error) {
    launcher.kill()
    await launcher.gone
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', launcher.kill)
    source.destroy()
  }
  if (signal.aborted) await launcher.gone
  else giveBack(launcher)
  if (outcome.is === 'refused') throw refusal(outcome)
  return outcome.value
}

/** Throws unless the process ends as it should: only then can its launcher be used again. */
async function outcomeOf<T>(
  { source, bytes, operations, maxMemoryBytes }: ImageJob,
  launcher: ImageLauncher,
  take: (made: MadeImage) => Promise<T>,
): Promise<Outcome<T>> {
  launcher.start({ operations, bytes, maxMemoryBytes })
  const [outcome] = await Promise.all([
    heard(launcher, take),
    write(exactly(source, bytes), launcher.stdin),
  ])
  return outcome
}

async function heard<T>(
  launcher: ImageLauncher,
  take: (made: MadeImage) => Promise<T>,
): Promise<Outcome<T>> {
  const answer = await launcher.answer()
  if (answer.is === 'refused') {
    await launcher.end()
    return answer
  }
  const { info } = answer
  const bytes = exactly(launcher.stdout.iterator({ destroyOnReturn: false }), info.size)
  const value = await take({ info, bytes })
  await launcher.end()
  return { is: 'taken', value }
}

function refusal({ why }: Refused): Failure {
  switch (why) {
    case 'not supported':
      return new Failure(IMAGE_NOT_SUPPORTED)
    case 'too large':
      return tooLarge()
    case 'broken':
      return new Failure(IMAGE_BROKEN)
  }
}

/** As fast as it is read. A pipeline would leave its listeners behind, and there is a next image. */
async function write(bytes: AsyncIterable<Uint8Array>, stdin: Writable): Promise<void> {
  for await (const chunk of bytes) {
    await new Promise<void>((resolve, reject) => {
      stdin.write(chunk, (cause) => (cause ? reject(processEnded(cause)) : resolve()))
    })
  }
}

const processEnded = (cause: Error) => new Failure(IMAGE_PROCESS_ENDED, { cause })

/** What breaks off must not look like what is whole. */
async function* exactly(source: AsyncIterable<Uint8Array>, bytes: number) {
  let left = bytes
  for await (const chunk of source) {
    left -= chunk.length
    yield chunk
    if (left <= 0) break // what comes next is of the next image
  }
  if (left !== 0) throw new Failure(IMAGE_PROCESS_ENDED)
}
