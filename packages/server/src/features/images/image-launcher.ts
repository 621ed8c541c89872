import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants, getPriority, setPriority } from 'node:os'

import type { ImageEnd } from './image-messages.ts'

/*
 * A process that starts those of images, one after the other. To start a process holds up who starts it,
 * the longer the more memory that has, and the server has calls to answer. Its standard streams are the
 * server's; it leaves them to the image.
 */

/** By how much the process of an image gives way to those that answer. */
const NICE = 10

const LOWEST = constants.priority.PRIORITY_LOW

/** The process of an image, while there is one. */
let image: ChildProcess | undefined

process.on('message', (order) => {
  launch(JSON.stringify(order)).catch((error: unknown) => {
    process.stderr.write(String(error)) // the server keeps it
    leave()
  })
})
process.on('SIGTERM', leave)
process.on('disconnect', leave) // the server is gone

async function launch(order: string): Promise<void> {
  image = fork(workerFile(), [order], { stdio: 'inherit' })
  giveWay(image)
  image.on('message', (answer) => process.send?.(answer))
  // Its exit may be heard of before what it has said last.
  await Promise.all([once(image, 'exit'), once(image, 'disconnect')])
  const end: ImageEnd = {
    is: 'ended',
    by: image.signalCode ?? image.exitCode ?? 'nobody knows what',
  }
  process.send?.(end)
}

/** Now, while it has one thread: those that come later take after it, and those that decode matter. */
function giveWay({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, Math.min(getPriority() + NICE, LOWEST))
  } catch {
    // It has already ended, which is told by its end.
  }
}

/** After the image, which it ends now: what that is at may take minutes. */
function leave(): void {
  if (image?.kill('SIGKILL')) image.once('exit', () => process.exit())
  else process.exit()
}

/** The worker beside this file: `.ts` from source, `.js` once built. */
function workerFile(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./image-worker.${extension}`, import.meta.url)
}
