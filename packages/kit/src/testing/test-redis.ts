import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const PROGRAM = 'redis-server'

/** A real Redis that can be made to fail. */
export interface TestRedis extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Sends one line of commands, and resolves to the first line of the reply. */
  tell(command: string): Promise<string>
  /** Stops the process where it is: its connections stay, and nothing answers. */
  pause(): void
  resume(): void
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>
  /** Starts it again at the same place, empty. */
  restart(): Promise<void>
}

export interface TestRedisOptions {
  /** Lines of a redis.conf, by name: `{ maxmemory: '4mb' }`. */
  readonly settings?: Readonly<Record<string, string>>
}

/** Whether this machine has a Redis to start. */
export async function hasRedisServer(): Promise<boolean> {
  return promisify(execFile)(PROGRAM, ['--version']).then(
    () => true,
    () => false,
  )
}

/** Starts a Redis on a free port. It keeps nothing on disk. */
export async function startTestRedis({ settings = {} }: TestRedisOptions = {}): Promise<TestRedis> {
  const port = await freePort()
  let server = await startServer(port, settings)

  async function kill() {
    if (server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill('SIGKILL') // ends one that is paused as well
    await exited
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    tell: (command) => tell(port, command),
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
    kill,
    async restart() {
      await kill()
      server = await startServer(port, settings)
    },
    [Symbol.asyncDispose]: kill,
  }
}

async function startServer(
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const all = { port: String(port), bind: '127.0.0.1', save: '', appendonly: 'no', ...settings }
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
  const server = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  // One that outlives its test run would wait for ever.
  const end = () => void server.kill('SIGKILL')
  process.once('exit', end)
  server.once('exit', () => process.off('exit', end))

  const lines: string[] = []
  for await (const line of createInterface(server.stdout)) {
    lines.push(line)
    if (!line.includes('Ready to accept connections')) continue
    server.stdout.resume() // a full pipe would stop it
    return server
  }
  throw new Error(`Redis did not start:\n${lines.join('\n')}`)
}

/** By the protocol's inline commands. */
async function tell(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.setEncoding('utf8').write(`${command}\r\n`)
    for await (const line of createInterface(socket)) return line
    throw new Error(`Redis did not answer ${command}.`)
  } finally {
    socket.destroy()
  }
}

/** Another program may be faster to take it; then Redis says so and does not start. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('There is no free port.')
  return address.port
}
