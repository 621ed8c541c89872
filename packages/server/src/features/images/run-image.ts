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
  try {
    job.signal.throwIfAborted()
    const outcome = await withLauncher(job.signal, (launcher) => outcomeOf(job, launcher, take))
    if (outcome.is === 'refused') throw refusal(outcome)
    return outcome.value
  } finally {
    job.source.destroy()
  }
}

/** For the next image, a launcher is left as it should be, or not at all. */
async function withLauncher<T>(
  signal: AbortSignal,
  use: (launcher: ImageLauncher) => Promise<T>,
): Promise<T> {
  const launcher = takeLauncher()
  signal.addEventListener('abort', launcher.kill, { once: true })
  let used: T
  try {
    used = await use(launcher)
  } catch (error) {
    launcher.kill()
    await launcher.gone
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', launcher.kill)
  }
  if (signal.aborted) await launcher.gone
  else giveBack(launcher)
  return used
}

/** Throws unless the process ends as it should, and all that it wrote was read. */
async function outcomeOf<T>(
  { source, bytes, operations, maxMemoryBytes }: ImageJob,
  launcher: ImageLauncher,
  take: (made: MadeImage) => Promise<T>,
): Promise<Outcome<T>> {
  launcher.start({ operations, bytes, maxMemoryBytes })
  const [answer] = await Promise.all([
    launcher.answer(),
    write(exactly(source, bytes), launcher.stdin),
  ])
  const ended = launcher.end()
  // The launcher has the other end of the pipe too: without this, who takes would wait for ever.
  ended.catch(launcher.kill)
  const outcome = answer.is === 'refused' ? answer : await taken(answer.info, launcher, take)
  await ended
  return outcome
}

async function taken<T>(
  info: ImageInfo,
  { stdout }: ImageLauncher,
  take: (made: MadeImage) => Promise<T>,
): Promise<Outcome<T>> {
  let isRead = false
  async function* image() {
    yield* exactly(stdout.iterator({ destroyOnReturn: false }), info.size)
    isRead = true
  }
  const value = await take({ info, bytes: image() })
  if (!isRead) throw new Error('An image was taken before it was read to its end.')
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
