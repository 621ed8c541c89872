import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A server in a process of its own, on an embedded Postgres of its own. */
export interface BenchServer extends AsyncDisposable {
  readonly url: string
  readonly databaseUrl: string
}

const CLI = fileURLToPath(new URL('../packages/kit/src/cli/main.ts', import.meta.url))

/**
 * Runs `tautline dev` on `bench/app.ts`, from this folder, so that its data is not what you develop
 * with. Its Postgres has the durability of production: every commit waits for the disk. As under
 * any `tautline dev`, an edit restarts the server; one made during a run ends the run.
 */
export async function startBenchServer(): Promise<BenchServer> {
  // A database that somebody has named is not for us to empty.
  const { DATABASE_URL: _, DATABASE_URL_FILE: __, ...environment } = process.env
  const child = spawn(
    process.execPath,
    ['--conditions=@tautline/source', CLI, 'dev', '--app', 'app.ts'],
    {
      cwd: import.meta.dirname,
      env: { ...environment, PORT: '0', LOG_LEVEL: 'warn' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const exited = once(child, 'exit')
  const output: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    output.push(line)
    if (line.startsWith('Ready')) break
  }
  child.stdout.resume()
  async function stop() {
    child.kill('SIGTERM')
    await exited
  }

  const url = find(/this backend +(\S+)\//, output)
  const databaseUrl = find(/Postgres +(\S+)/, output)
  if (url !== undefined && databaseUrl !== undefined) {
    return { url, databaseUrl, [Symbol.asyncDispose]: stop }
  }
  await stop()
  throw new Error(`The server did not start:\n${output.join('\n')}`)
}

function find(pattern: RegExp, lines: readonly string[]): string | undefined {
  return pattern.exec(lines.join('\n'))?.[1]
}
