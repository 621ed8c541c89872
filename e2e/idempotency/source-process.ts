import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { exitOf } from '../faults/server-process.ts'
import { nodeEnvironment } from '../setup/node-environment.ts'

/** What a backend of these tests needs, as in production. */
export const ENVIRONMENT = {
  ...nodeEnvironment,
  NODE_ENV: 'production',
  PORT: '0',
  TAUTLINE_HOSTS: '*',
  TAUTLINE_SECRET: 'a secret that is only good for tests',
  TAUTLINE_DRAIN_QUIET_MS: '0',
  // A small machine that others use as well is no reason to refuse anybody here.
  TAUTLINE_ACQUIRE_TIMEOUT_MS: '5000',
}

export interface SourceProcess {
  /** The file that is run, and its arguments. */
  readonly words: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  /** `ipc` talks to it by messages, `pipe` reads what it prints. */
  readonly by: 'ipc' | 'pipe'
}

/** Runs a file of this repository in a process of its own. */
export function startSource({ words, environment, by }: SourceProcess): ChildProcess {
  return spawn(process.execPath, ['--conditions=@tautline/source', ...words], {
    env: environment,
    stdio: by === 'ipc' ? ['ignore', 'ignore', 'inherit', 'ipc'] : ['ignore', 'pipe', 'inherit'],
  })
}

const CLI = fileURLToPath(new URL('../../packages/kit/src/cli/main.ts', import.meta.url))

/** Starts a command of the backend whose `app` a file exports. */
export function startCommand(
  command: readonly string[],
  appFile: URL,
  environment: NodeJS.ProcessEnv,
): ChildProcess {
  const words = [CLI, ...command, '--app', fileURLToPath(appFile)]
  return startSource({ words, environment, by: 'pipe' })
}

/** Brings a database up to what such a backend needs. */
export async function migrate(appFile: URL, environment: NodeJS.ProcessEnv): Promise<void> {
  const migration = startCommand(['migrate', 'up'], appFile, environment)
  if ((await exitOf(migration)) !== 0) throw new Error('The migrations failed.')
}
