import { connect } from 'node:net'

/** Longest wait for the server to close, in milliseconds. */
const PATIENCE_MS = 10_000

/** Writes these bytes and reads until the server closes. An empty answer is a close without words. */
export function rawAnswer(url: string, bytes: string | Buffer): Promise<string> {
  const { port, hostname } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.setTimeout(PATIENCE_MS, () => {
      socket.destroy()
      reject(new Error(`The server keeps the socket open, after: ${text}`))
    })
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('error', () => {}) // a reset is a close as well
    socket.on('close', () => resolve(text))
    socket.write(bytes)
  })
}
