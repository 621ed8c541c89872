import { createHash } from 'node:crypto'
import { access, constants, mkdir, realpath, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { ownFolder } from './own-folder.ts'

/** The user Postgres runs as. */
export interface RunUser {
  uid: number
  gid: number
  /** False when this process is root, so that another user has to do the work. */
  isSelf: boolean
}

const NOBODY = 65_534

/** Postgres refuses to run as root: root hands it to `nobody`, everybody else runs it. */
export function findRunUser(): RunUser {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  return uid === 0 ? { uid: NOBODY, gid: NOBODY, isSelf: false } : { uid, gid, isSelf: true }
}

/** What `spawn` needs to start a program as this user. */
export function spawnAs(user: RunUser): { uid?: number; gid?: number } {
  return user.isSelf ? {} : { uid: user.uid, gid: user.gid }
}

/** Where files go that cannot stay where they are wanted. Reachable by the run user. */
export function privateStore(user: RunUser): string {
  return user.isSelf ? join(tmpdir(), `tautline-${user.uid}`) : '/var/lib/tautline'
}

/**
 * The folder a cluster wanted at `dir` really lives in: `dir` itself, made if missing, or,
 * where the run user cannot reach that (root with a 0700 home), a folder in `store` keyed by
 * the real path of `dir`. Fails when that folder is there and is not our own.
 */
export async function chooseHome(dir: string, user: RunUser, store: string): Promise<string> {
  await mkdir(dir, { recursive: true })
  const wanted = await realpath(dir)
  if (await canEnter(wanted, user)) return wanted
  await ownFolder(store, 0o755)
  const key = createHash('sha256').update(wanted).digest('hex').slice(0, 16)
  return ownFolder(join(store, `postgres-${key}`), 0o711)
}

/** True when the run user can enter this folder, which must be given by its real path. */
async function canEnter(folder: string, user: RunUser): Promise<boolean> {
  if (user.isSelf) return true
  const { mode } = await stat(folder)
  if ((mode & 0o001) === 0) return false
  const parent = dirname(folder)
  return parent === folder || canEnter(parent, user)
}

/** True when the run user can execute this file, which must be given by its real path. */
export async function canExecute(file: string, user: RunUser): Promise<boolean> {
  if (user.isSelf) {
    return access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
  }
  const { mode } = await stat(file)
  return (mode & 0o005) === 0o005 && canEnter(dirname(file), user)
}
