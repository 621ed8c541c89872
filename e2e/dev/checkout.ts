import { execFile } from 'node:child_process'
import {
  chmod,
  cp,
  lchown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
} from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const WORKSPACE = join(import.meta.dirname, '../..')

/** Somebody with a home of their own, and a copy of the workspace in it that nothing was done to. */
export interface Checkout extends AsyncDisposable {
  readonly folder: string
  /** What this user's shell would hand to a command. */
  readonly environment: NodeJS.ProcessEnv
  readonly user: { readonly uid?: number; readonly gid?: number }
  /** Does this when the checkout is thrown away; the last thing first. */
  onDispose(run: () => Promise<void>): void
}

/** A user that every Unix has, for who is root. */
const NOBODY = 65_534

export const isRoot = process.getuid?.() === 0

/**
 * A copy of the workspace's files, with the changes that are not committed, under a home that only
 * its owner can enter. The package manager's caches of this machine are used, so that the copy
 * installs in two seconds.
 */
export async function createCheckout(): Promise<Checkout> {
  return copyWorkspace({}, await sharedCaches())
}

/** The same for an ordinary user, who cannot reach any cache and downloads everything. */
export async function createCheckoutOfNobody(): Promise<Checkout> {
  return copyWorkspace({ uid: NOBODY, gid: NOBODY }, {})
}

async function copyWorkspace(user: Checkout['user'], caches: NodeJS.ProcessEnv): Promise<Checkout> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'tautline-dev-')))
  const stack = new AsyncDisposableStack()
  stack.defer(() => rm(root, { recursive: true, force: true, maxRetries: 5 }))
  await chmod(root, 0o755)
  const home = join(root, 'home')
  const folder = join(home, 'backend')
  await mkdir(home, { mode: 0o700 })
  await copyFiles(folder)
  if (user.uid !== undefined) await giveTo(home, user)
  return {
    folder,
    user,
    environment: { ...outsideEnvironment(), ...caches, HOME: home },
    onDispose: (dispose) => stack.defer(dispose),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function copyFiles(folder: string): Promise<void> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { stdout } = await run('git', list, { cwd: WORKSPACE, maxBuffer: 10_000_000 })
  await Promise.all(
    stdout.split('\0').map(async (name) => {
      if (name === '') return
      await mkdir(join(folder, dirname(name)), { recursive: true })
      await cp(join(WORKSPACE, name), join(folder, name)).catch((error: unknown) => {
        // git lists what was deleted but not committed.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
      })
    }),
  )
}

async function giveTo(folder: string, { uid = 0, gid = 0 }: Checkout['user']): Promise<void> {
  const inside = await readdir(folder, { recursive: true })
  await Promise.all(['', ...inside].map((name) => lchown(join(folder, name), uid, gid)))
}

/** How to reach the network is the machine's affair; all else is as in a fresh login shell. */
function outsideEnvironment(): NodeJS.ProcessEnv {
  const kept = /^(LANG|TERM|TMPDIR|NODE_EXTRA_CA_CERTS|(https?|no)_proxy)$/i
  const entries = Object.entries(process.env).filter(([name]) => kept.test(name))
  const path = (process.env.PATH ?? '')
    .split(':')
    .filter((entry) => !entry.includes('node_modules'))
  return { ...Object.fromEntries(entries), PATH: path.join(':') }
}

async function sharedCaches(): Promise<NodeJS.ProcessEnv> {
  const installed = await readFile(join(WORKSPACE, 'node_modules/.modules.yaml'), 'utf8')
  const store = /"?storeDir"?: "?([^"\n]+)/.exec(installed)?.[1]
  return {
    npm_config_cache: process.env.npm_config_cache ?? join(homedir(), '.npm'),
    XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
    ...(store !== undefined && { pnpm_config_store_dir: dirname(store) }),
  }
}
