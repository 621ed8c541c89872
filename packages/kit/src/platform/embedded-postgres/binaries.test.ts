import { execFile } from 'node:child_process'
import { chmod, cp, lstat, mkdir, readdir, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { findPackage, prepareBinaries } from './binaries.ts'
import type { PlatformPackage } from './binaries.ts'
import { findRunUser, spawnAs } from './run-user.ts'
import { isRoot, makeFolder, removeFolder } from './support.fixture.ts'

const user = findRunUser()
const run = promisify(execFile)
const installed = await findPackage()
const notInstalled = process.platform === 'linux' ? 'darwin-arm64' : 'linux-x64'
let folder: string
let store: string

beforeEach(async () => {
  folder = await makeFolder()
  store = join(folder, 'store')
})
afterEach(() => removeFolder(folder))

/** A package whose install script was cut short: some library links are missing. */
async function copyHalfLinked(mode: number): Promise<PlatformPackage> {
  const root = join(folder, 'package')
  await cp(installed.root, root, { recursive: true, verbatimSymlinks: true })
  const lib = join(root, 'native', 'lib')
  const entries = await readdir(lib, { withFileTypes: true })
  const links = entries.filter((entry) => entry.isSymbolicLink() && entry.name.startsWith('libicu'))
  await Promise.all(links.map((link) => rm(join(lib, link.name))))
  await chmod(root, mode)
  return { ...installed, root }
}

async function versionOf(program: string): Promise<string> {
  return (await run(program, ['--version'], { ...spawnAs(user), cwd: '/' })).stdout
}

test('a platform without a package says to set DATABASE_URL', async () => {
  await expect(findPackage('sunos-x64')).rejects.toThrow(/no embedded.*sunos-x64.*DATABASE_URL/)
})

test('a package that is not installed says to set DATABASE_URL', async () => {
  const message = new RegExp(`${notInstalled} is not installed.*DATABASE_URL`)
  await expect(findPackage(notInstalled)).rejects.toThrow(message)
})

test('missing library links are made where the package lies', async () => {
  const found = await copyHalfLinked(0o755)
  const { postgres, initdb, major } = await prepareBinaries(found, user, store)
  expect(postgres).toBe(join(found.root, 'native', 'bin', 'postgres'))
  expect(await versionOf(initdb)).toContain(`(PostgreSQL) ${major}.`)
  await expect(lstat(store)).rejects.toThrow('ENOENT')
})

test.runIf(isRoot)(
  'programs the run user cannot reach are copied, once and with links',
  async () => {
    const found = await copyHalfLinked(0o700)
    const [first, second] = await Promise.all([
      prepareBinaries(found, user, store),
      prepareBinaries(found, user, store),
    ])
    expect(first).toEqual(second)
    expect(await readdir(store)).toEqual([`binaries-${found.target}-${found.version}`])
    expect(await versionOf(first.initdb)).toContain(`(PostgreSQL) ${first.major}.`)
    const library = await realpath(join(first.initdb, '../../lib/libpq.so.5'))
    expect(library.startsWith(store)).toBe(true)

    // From now on the copy alone is enough.
    await rm(join(found.root, 'native', 'share'), { recursive: true })
    expect(await prepareBinaries(found, user, store)).toEqual(first)
  },
)

test.runIf(isRoot)('a copy that somebody else put there is refused', async () => {
  const found = await copyHalfLinked(0o700)
  const copy = join(store, `binaries-${found.target}-${found.version}`)
  await mkdir(copy, { recursive: true })
  await chmod(copy, 0o777)
  await expect(prepareBinaries(found, user, store)).rejects.toThrow(`${copy} can be written`)
})
