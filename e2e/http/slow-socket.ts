import { connect } from 'node:net'

/** How often a slow client sends one more byte, in milliseconds. */
const BYTE_EVERY_MS = 500

/** A client that never finishes its request. */
export interface SlowSocket {
  /** When it was connected and had sent its start. */
  readonly begun: Promise<void>
  /** How long it lived until the server closed it, in milliseconds, and what it was told. */
  readonly ended: Promise<{ readonly livedMs: number; readonly answer: string }>
  /** Gives up, when the server does not. */
  destroy(): void
}

/** Connects, sends a start, and then a byte now and again for as long as the server lets it. */
export function startSlowSocket(url: string, start: string): SlowSocket {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  let connectedAt = performance.now()
  let answer = ''
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
  socket.on('error', () => {}) // a reset is a close as well
  let timer: NodeJS.Timeout | undefined
  const begun = new Promise<void>((resolve) => {
    socket.once('connect', () => {
      connectedAt = performance.now()
      socket.write(start, () => resolve())
      timer = setInterval(() => socket.writable && socket.write('a'), BYTE_EVERY_MS)
    })
  })
  const ended = new Promise<{ livedMs: number; answer: string }>((resolve) => {
    socket.once('close', () => {
      clearInterval(timer)
      resolve({ livedMs: performance.now() - connectedAt, answer })
    })
  })
  return { begun, ended, destroy: () => socket.destroy() }
}
