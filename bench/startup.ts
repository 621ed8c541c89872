import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

/**
 * What a newcomer waits for, measured on a clone of the last commit: clone to first served request,
 * a start with a new database, a start with the old one, an edit to the next served call, and the
 * memory of the idle processes. Packages come from pnpm's store if it has them, and from the
 * registry if not. Run by `pnpm bench:startup`.
 */

const run = promisify(execFile)
const EDITS = 5
const GIVE_UP_MS = 120_000
const port = 3900
const url = `http://127.0.0.1:${port}/`

const folder = await mkdtemp(join(tmpdir(), 'tautline-startup-'))
await chmod(folder, 0o755) // where this runs as root, Postgres does not
const checkout = join(folder, 'tautline')
try {
  const cloned = performance.now()
  await run('git', ['clone', '--quiet', process.cwd(), checkout])
  report('clone to first served request', await startAndStop(cloned))
  await run('rm', ['-rf', join(checkout, '.data')])
  report('start with a new database', await startAndStop())
  report('start with the old database', await startAndStop())

  const dev = startDev()
  await served()
  const edits: number[] = []
  try {
    for (let n = 1; n <= EDITS; n++) edits.push(await editToServed(`0.1.${n}`))
    report(`edit to next served call, median of ${EDITS}`, edits.sort((a, b) => a - b)[2] ?? NaN)
    for (const line of await memory()) console.log(line)
  } finally {
    await stop(dev)
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}

function report(what: string, ms: number): void {
  console.log(`${what}: ${(ms / 1000).toFixed(2)} s`)
}

/** The README's command, in a process group of its own that a Ctrl-C can be sent to. */
function startDev(): ChildProcess {
  // What pnpm has told this script is not meant for another checkout: it would not install there.
  const own = Object.entries(process.env).filter(([name]) => !/^p?npm_/i.test(name))
  const env = { ...Object.fromEntries(own), PORT: String(port), LOG_LEVEL: 'warn' }
  const command = ['--yes', 'pnpm@12', 'dev']
  return spawn('npx', command, { cwd: checkout, env, stdio: 'ignore', detached: true })
}

async function startAndStop(since = performance.now()): Promise<number> {
  const dev = startDev()
  await served()
  const elapsed = performance.now() - since
  await stop(dev)
  return elapsed
}

/** Resolves when the server answers a call that goes to the database. */
async function served(): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS
  for (;;) {
    if (performance.now() > giveUpAt) throw new Error('The server did not come up.')
    const answer = await fetch(`${url}readyz`).catch(() => undefined)
    if (answer?.ok) return
    await delay(10)
  }
}

async function stop(dev: ChildProcess): Promise<void> {
  const exited = once(dev, 'exit')
  if (dev.pid !== undefined) process.kill(-dev.pid, 'SIGINT')
  await exited
  while (await fetch(url).catch(() => undefined)) await delay(10)
}

async function editToServed(version: string): Promise<number> {
  const file = join(checkout, 'packages/server/src/app.ts')
  const text = await readFile(file, 'utf8')
  const edited = performance.now()
  await writeFile(file, text.replace(/version: '[^']*'/, `version: '${version}'`))
  for (;;) {
    const answer = await fetch(url).catch(() => undefined)
    const body = await answer?.text().catch(() => '')
    if (body?.includes(`"${version}"`)) return performance.now() - edited
    await delay(5)
  }
}

/** Memory of the server and of the Postgres in this checkout, once they have calmed down. */
async function memory(): Promise<string[]> {
  await delay(5_000)
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid=,args='])
  const processes = stdout.split('\n').map((line) => line.trim().split(/\s+/))
  const server = processes.find((columns) => columns.includes('dev-server'))
  const pidFile = join(checkout, '.data/postgres/data/postmaster.pid')
  const [postmaster] = (await readFile(pidFile, 'utf8')).split('\n')
  const postgres = processes.filter(([pid, parent]) => [pid, parent].includes(postmaster))
  const sum = async (rows: (string[] | undefined)[]) => {
    const sizes = await Promise.all(rows.map((columns) => proportionalMiB(columns?.[0])))
    return sizes.reduce((total, size) => total + size, 0).toFixed(0)
  }
  return [
    `idle server process: ${await sum([server])} MiB PSS`,
    `idle Postgres, all ${postgres.length} processes: ${await sum(postgres)} MiB PSS`,
  ]
}

async function proportionalMiB(pid = ''): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) / 1024
}
