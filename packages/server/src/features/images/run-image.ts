import { fork, type ChildProcess } from 'node:child_process'
import { constants, getPriority, setPriority } from 'node:os'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { Failure } from '@tautline/kit'

import { IMAGE_BROKEN, IMAGE_NOT_SUPPORTED, IMAGE_PROCESS_ENDED, tooLarge } from './errors.ts'
import type { ImageAnswer, ImageInfo, ImageOrder } from './image-messages.ts'
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

/**
 * Has an image made by a process of its own, and lets `take` have it. The process has ended when this
 * settles, whatever happens: with the signal, with this process, or by itself. Throws
 * `IMAGE_NOT_SUPPORTED`, `IMAGE_TOO_LARGE`, `IMAGE_BROKEN`, and `IMAGE_PROCESS_ENDED` when the process
 * has come to its end before its answer.
 */
export async function runImage<T>(
  { source, signal, ...order }: ImageJob,
  take: (made: MadeImage) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const child = start()
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  try {
    const { stdin, stdout } = streamsOf(child)
    await child.message()
    child.send(order)
    // What is not all there the process does not read; and it may have ended when it has read all.
    pipeline(source, stdin).catch(() => {})
    const info = madeOf(await child.message())
    return await take({ info, bytes: exactly(stdout, info.size) })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', kill)
    source.destroy()
    kill()
    await child.ended
  }
}

/** The process of an image, as who started it sees it. */
interface ImageProcess extends Pick<ChildProcess, 'stdin' | 'stdout' | 'kill'> {
  send(order: ImageOrder): void
  /** The next message. Rejects when the process ends before it, or could not be started. */
  message(): Promise<unknown>
  readonly ended: Promise<unknown>
}

/** By how much the process gives way to the one that answers. */
const NICE = 10

const LOWEST = constants.priority.PRIORITY_LOW

/** Longest text of a process that is kept. */
const MAX_COMPLAINTS = 2_000

/** Its memory is bounded from inside; all of its threads are one core's. */
function start(): ImageProcess {
  const child = fork(workerFile(), {
    env: { UV_THREADPOOL_SIZE: '2', VIPS_CONCURRENCY: '1', MALLOC_ARENA_MAX: '2' },
    execArgv: ['--max-old-space-size=64'],
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  })
  giveWay(child)
  const lastWords = listen(child.stderr)
  const unstarted = new Promise<string>((resolve) => {
    child.on('error', ({ message }) => child.pid === undefined && resolve(message))
  })
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, killedBy) => resolve(killedBy ?? `exit code ${code}`))
  })
  const ended = Promise.race([exited, unstarted])
  // Not the exit: that may be heard of before what was said last.
  const silent = new Promise((resolve) => child.once('disconnect', resolve))
  const lost = Promise.race([silent.then(() => ended), unstarted]).then((how) => {
    throw new Failure(IMAGE_PROCESS_ENDED, {
      cause: new Error(`It ended by ${how}. ${lastWords()}`),
    })
  })
  lost.catch(() => {})
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    kill: (signal) => child.kill(signal),
    send: (order) => void child.send(order, () => {}),
    message: () =>
      Promise.race([new Promise<unknown>((resolve) => child.once('message', resolve)), lost]),
    ended,
  }
}

/** Now, while it has one thread: those that come later take after it, and those that decode matter. */
function giveWay({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, Math.min(getPriority() + NICE, LOWEST))
  } catch {
    // It has already ended, which is told by its end.
  }
}

/** Of what the process has complained about, the end: it may be that it cannot be started here at all. */
function listen(complaints: Readable | null): () => string {
  let heard = ''
  complaints?.setEncoding('utf8').on('data', (more: string) => {
    heard = (heard + more).slice(-MAX_COMPLAINTS)
  })
  return () => heard
}

function streamsOf({ stdin, stdout }: ImageProcess) {
  if (!stdin || !stdout) throw new Failure(IMAGE_PROCESS_ENDED)
  stdin.on('error', () => {}) // told by the end of the process
  // What nobody reads when the process has ended, Node throws away.
  return { stdin, stdout: stdout.pipe(new PassThrough()) }
}

function madeOf(message: unknown): ImageInfo {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- `image-worker.ts` sends it
  const answer = message as ImageAnswer
  if (answer.is === 'made') return answer.info
  switch (answer.why) {
    case 'not supported':
      throw new Failure(IMAGE_NOT_SUPPORTED)
    case 'too large':
      throw tooLarge()
    case 'broken':
      throw new Failure(IMAGE_BROKEN)
  }
}

/** A process that was killed while it wrote must not look like one that has written all. */
async function* exactly(source: AsyncIterable<Uint8Array>, bytes: number) {
  let left = bytes
  for await (const chunk of source) {
    left -= chunk.length
    yield chunk
  }
  if (left !== 0) throw new Failure(IMAGE_PROCESS_ENDED)
}

/** The worker beside this file: `.ts` from source, `.js` once built. */
function workerFile(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./image-worker.${extension}`, import.meta.url)
}
