/**
 * What somebody holds who watches a task where nothing happens: memory of the server for each of 2,000
 * idle streams, beside an answer of a bare HTTP server that never ends. Exits with 1 when the heap of one
 * is over its limit; what is resident is told, but varies too much for one. Run by `pnpm bench:watch`.
 */
import { execFile, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { Client } from 'pg'

import { startMortalPostgres } from '@tautline/kit/testing'

import { table } from './statistics.ts'

const STREAMS = 2_000
const TASKS = 200

/** Of the heap, for one who watches, in KB. */
const MAX_HEAP_KB = 40

/** Opened before the first measurement: what the first ones cost, no other one does. */
const WARM_UP = 200

/** Connections that are opened at the same time. */
const AT_ONCE = 100

const SERVER = fileURLToPath(new URL('./watch-server.ts', import.meta.url))
const CLI = fileURLToPath(new URL('../packages/kit/src/cli/main.ts', import.meta.url))

await using postgres = await startMortalPostgres()
const environment = {
  PATH: process.env['PATH'],
  NODE_ENV: 'production',
  LOG_LEVEL: 'fatal',
  DATABASE_URL: postgres.url,
  TAUTLINE_SECRET: 'a secret that is only good for a bench',
  TAUTLINE_HOSTS: '*',
  TAUTLINE_WORKER: 'off',
}
await promisify(execFile)(
  process.execPath,
  ['--conditions=@tautline/source', CLI, 'migrate', 'up', '--app', SERVER],
  { env: environment },
)
const ids = await addTasks()
const input = (id: string) => encodeURIComponent(JSON.stringify({ json: { id } }))
const watch = await measure(
  'tasks.watch',
  (n) => `/rpc/tasks.watch?input=${input(ids[n % TASKS] ?? '')}`,
)
const bare = await measure('bare', () => '/')
console.log(`${STREAMS} idle streams, Node ${process.versions.node}`)
console.log(table([['', 'heap', 'resident'], toRow('tasks.watch', watch), toRow('bare', bare)]))
const isOver = watch.heapKb > MAX_HEAP_KB
console.log(`The heap of tasks.watch is ${isOver ? 'over' : 'within'} its ${MAX_HEAP_KB} KB.`)
if (isOver) process.exitCode = 1

async function addTasks(): Promise<string[]> {
  const client = new Client({ connectionString: postgres.url })
  await client.connect()
  const { rows: added } = await client.query<{ id: string }>(
    `insert into tautline.task (name, owner, input, priority, state)
     select 'bench.task', $1, '{}', 0, 'running' from generate_series(1, $2) returning id`,
    [JSON.stringify([null, null, 'anna']), TASKS],
  )
  await client.end()
  return added.map(({ id }) => id)
}

/** What one stream holds. */
interface Held {
  readonly heapKb: number
  readonly residentKb: number
}

function toRow(what: string, { heapKb, residentKb }: Held): string[] {
  return [what, `${heapKb.toFixed(1)} KB`, `${residentKb.toFixed(1)} KB`]
}

async function measure(what: string, pathOf: (n: number) => string): Promise<Held> {
  const server = fork(SERVER, [what], {
    env: environment,
    execArgv: ['--conditions=@tautline/source', '--expose-gc'],
  })
  const url = new URL(String(await answer(server)))
  const sockets: Socket[] = []
  async function open(count: number): Promise<void> {
    for (let n = 0; n < count; n += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, (_, index) => stream(url, pathOf(n + index)))
      sockets.push(...(await Promise.all(some)))
    }
  }
  await open(WARM_UP)
  const before = await used(server)
  await open(STREAMS)
  const after = await used(server)
  for (const socket of sockets) socket.destroy()
  server.disconnect()
  await once(server, 'exit')
  const kbEach = (bytes: number) => bytes / STREAMS / 1_024
  return {
    heapKb: kbEach(after.heapUsed - before.heapUsed),
    residentKb: kbEach(after.rss - before.rss),
  }
}

/** A connection whose answer has begun. */
async function stream({ hostname, port }: URL, path: string): Promise<Socket> {
  const socket = connect(Number(port), hostname)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAccept: text/event-stream\r\n\r\n`)
  const bytes: unknown[] = await once(socket, 'data')
  if (!String(bytes[0]).startsWith('HTTP/1.1 200')) throw new Error(String(bytes[0]))
  socket.resume()
  return socket
}

async function used(server: ChildProcess): Promise<NodeJS.MemoryUsage> {
  server.send('used')
  // oxlint-disable-next-line typescript/consistent-type-assertions -- `watch-server.ts` has sent it
  return (await answer(server)) as NodeJS.MemoryUsage
}

async function answer(server: ChildProcess): Promise<unknown> {
  const messages: unknown[] = await once(server, 'message')
  return messages[0]
}
