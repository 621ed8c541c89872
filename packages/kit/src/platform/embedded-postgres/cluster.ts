import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { lchown, lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

import type { Binaries } from './binaries.ts'
import { hasCode, messageOf } from './errors.ts'
import { assertOwned } from './own-folder.ts'
import { spawnAs } from './run-user.ts'
import type { RunUser } from './run-user.ts'

/** One Postgres cluster on disk: everything about it lies in `home`. */
export interface Cluster {
  home: string
  dataDir: string
  logFile: string
  lockFile: string
  holdersDir: string
  user: RunUser
  binaries: Binaries
}

/** The environment Postgres programs run in: none of our PG* variables, messages in English. */
export const SERVER_ENV = { LC_ALL: 'C' }

const run = promisify(execFile)
const INITDB_TIMEOUT_MS = 120_000

/** Names the parts of the cluster that lives in `home`, a real path. */
export function describeCluster(home: string, user: RunUser, binaries: Binaries): Cluster {
  return {
    home,
    dataDir: join(home, 'data'),
    logFile: join(home, 'postgres.log'),
    lockFile: join(home, 'postgres.lock'),
    holdersDir: join(home, 'postgres.holders'),
    user,
    binaries,
  }
}

/**
 * Makes sure that there is a cluster this Postgres can run, and creates it when missing. Fails,
 * naming the folder, when it belongs to another user, is no cluster or is of another major
 * version. Call under the cluster's lock.
 */
export async function ensureCluster(cluster: Cluster): Promise<void> {
  const { dataDir, user, binaries } = cluster
  if (!(await isThere(dataDir))) return createCluster(cluster)
  await assertOwned(dataDir, user.uid)
  const version = await readVersion(dataDir)
  if (version !== binaries.major) {
    throw new Error(
      `${dataDir} is a cluster of Postgres ${version}, but the installed one is ` +
        `${binaries.major}. Move its data with pg_dump, or remove the folder to start empty.`,
    )
  }
}

/** Sorts byte by byte, and knows upper and lower case of all scripts. */
const LOCALE = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']

/** What counts as a letter, as for trigrams, is asked of the system; an old one knows ASCII alone. */
const ALL_LETTERS = `--lc-ctype=${process.platform === 'darwin' ? 'UTF-8' : 'C.UTF-8'}`

/**
 * The data folder gets its name only when initdb is through and its files are synced, so a
 * killed initdb never leaves something that the next start would trust.
 */
async function createCluster({ home, dataDir, user, binaries }: Cluster): Promise<void> {
  const prefix = `${basename(dataDir)}.init-`
  await removeAbandoned(home, prefix)
  const draft = join(home, `${prefix}${randomUUID()}`)
  await mkdir(draft, { mode: 0o700 })
  if (!user.isSelf) await lchown(draft, user.uid, user.gid)
  const args = ['-D', draft, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', ...LOCALE]
  const options = { ...spawnAs(user), cwd: home, env: SERVER_ENV, timeout: INITDB_TIMEOUT_MS }
  const initdb = (more: readonly string[]) => run(binaries.initdb, [...args, ...more], options)
  try {
    await initdb([ALL_LETTERS]).catch((error: unknown) => {
      if (!messageOf(error).includes('invalid locale name')) throw error
      return initdb([])
    })
  } catch (cause) {
    throw new Error(
      `initdb could not create a cluster in ${home}. If Postgres cannot run on this machine, ` +
        `set DATABASE_URL to one of your own. ${messageOf(cause)}`,
      { cause },
    )
  }
  await rename(draft, dataDir)
}

async function removeAbandoned(home: string, prefix: string): Promise<void> {
  const drafts = (await readdir(home)).filter((name) => name.startsWith(prefix))
  // An initdb that outlived its killed parent may still write: hence the retries.
  const options = { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }
  await Promise.all(drafts.map((name) => rm(join(home, name), options)))
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

async function readVersion(dataDir: string): Promise<string> {
  try {
    return (await readFile(join(dataDir, 'PG_VERSION'), 'utf8')).trim()
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT')) throw cause
    throw new Error(`${dataDir} is not a Postgres cluster. Remove it or choose another folder.`, {
      cause,
    })
  }
}
