import { fork, type ChildProcess } from 'node:child_process'
import { on } from 'node:events'
import { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'

import { Failure } from '@tautline/kit'

import { IMAGE_PROCESS_ENDED } from './errors.ts'
import type { ImageAnswer, ImageEnd, ImageOrder } from './image-messages.ts'

/**
 * A process that starts the processes of images, one after the other, for one user at a time. It keeps
 * nobody alive.
 */
export interface ImageLauncher {
  /** What the process of an image reads, and what it writes. */
  readonly stdin: Writable
  readonly stdout: Readable
  /** Starts the process of an image. */
  start(order: ImageOrder): void
  /** What that has to say. Throws `IMAGE_PROCESS_ENDED` when it ends before. */
  answer(): Promise<ImageAnswer>
  /** That it has ended after its answer; throws `IMAGE_PROCESS_ENDED` when it did in any other way. */
  end(): Promise<void>
  /** Kills it, and the process of an image with it. */
  readonly kill: () => void
  /** That both have ended. */
  readonly gone: Promise<void>
}

/** Before a launcher that nobody needs ends, in milliseconds: its start holds up the server. */
const IDLE_MS = 60_000

/** Longest text of complaints that is kept. */
const MAX_COMPLAINTS = 2_000

/** Those that nobody has, with what ends them. */
const idle = new Map<ImageLauncher, NodeJS.Timeout>()

/** One that has nothing to do: for who gives it back, or kills it. */
export function takeLauncher(): ImageLauncher {
  const [taken] = idle.keys()
  if (!taken) return startLauncher()
  clearTimeout(idle.get(taken))
  idle.delete(taken)
  return taken
}

/** Of an image whose process has ended, and all that it wrote was read. */
export function giveBack(launcher: ImageLauncher): void {
  if (!launcher.stdin.writable) return // it has ended meanwhile
  const end = () => {
    idle.delete(launcher) // now: until it is gone it would be taken
    launcher.kill()
  }
  idle.set(launcher, setTimeout(end, IDLE_MS).unref())
}

function startLauncher(): ImageLauncher {
  const child = fork(launcherFile(), {
    // For the process of an image, whose memory is bounded from inside: all of its threads are one core's.
    env: { UV_THREADPOOL_SIZE: '2', VIPS_CONCURRENCY: '1', MALLOC_ARENA_MAX: '2' },
    execArgv: ['--max-old-space-size=64'],
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  })
  const hear = listen(child)
  const complaints = keepComplaints(child.stderr)
  const failure = (how: number | string) =>
    new Failure(IMAGE_PROCESS_ENDED, { cause: new Error(`It ended by ${how}. ${complaints()}`) })
  const { stdin, stdout } = streamsOf(child)
  const launcher: ImageLauncher = {
    stdin,
    stdout,
    start: (order) => void child.send(order, () => {}), // where it is gone, so is what it says
    async answer() {
      const said = await hear()
      if (said.is === 'ended') throw failure(said.by)
      return said
    },
    async end() {
      const said = await hear()
      if (said.is !== 'ended') throw failure('saying more than it has to')
      if (said.by !== 0) throw failure(said.by)
    },
    kill() {
      child.kill('SIGTERM')
      stdout.resume() // what nobody reads would keep its end from being heard
    },
    gone: goneOf(child).then(() => forget(launcher)),
  }
  return launcher
}

function forget(launcher: ImageLauncher): void {
  clearTimeout(idle.get(launcher))
  idle.delete(launcher)
}

/** What it has come to, and who has its pipes: the process of an image, if there is one. */
function goneOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => {
    child.once('close', resolve)
    child.once('error', () => child.pid === undefined && resolve(undefined))
  })
}

/** Its pipes, which keep nobody alive, as little as it does. */
function streamsOf(child: ChildProcess): Pick<ImageLauncher, 'stdin' | 'stdout'> {
  const { stdin, stdout, stderr } = child
  if (!stdin || !stdout) throw new Failure(IMAGE_PROCESS_ENDED)
  child.unref()
  child.channel?.unref()
  for (const pipe of [stdin, stdout, stderr]) if (pipe instanceof Socket) pipe.unref()
  stdin.on('error', () => {}) // told by its end
  return { stdin, stdout }
}

/** What it says next, however late one listens; that of a process that is gone is its end. */
function listen(child: ChildProcess): () => Promise<ImageAnswer | ImageEnd> {
  const messages = on(child, 'message', { close: ['close'] })
  return async () => {
    try {
      const { done, value } = await messages.next()
      // oxlint-disable-next-line typescript/consistent-type-assertions -- `image-launcher.ts` sends it
      if (done !== true) return (value as [ImageAnswer | ImageEnd])[0]
    } catch (error) {
      return { is: 'ended', by: String(error) } // it could not be started
    }
    return { is: 'ended', by: 'the end of who started it' }
  }
}

/** Of what is complained about, the end: it may be that images cannot be processed here at all. */
function keepComplaints(from: Readable | null): () => string {
  let heard = ''
  from?.setEncoding('utf8').on('data', (more: string) => {
    heard = (heard + more).slice(-MAX_COMPLAINTS)
  })
  return () => heard
}

/** The launcher beside this file: `.ts` from source, `.js` once built. */
function launcherFile(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./image-launcher.${extension}`, import.meta.url)
}
