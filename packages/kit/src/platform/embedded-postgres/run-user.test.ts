import { chmod, chown, lstat, mkdir, readdir, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import { chooseHome, findRunUser, privateStore } from './run-user.ts'
import { ask, hold, isRoot, makeFolder, removeFolder } from './support.fixture.ts'

const user = findRunUser()
let folder: string
let store: string

beforeEach(async () => {
  folder = await makeFolder()
  store = join(folder, 'store')
})
afterEach(() => removeFolder(folder))

test('a cluster lives where it is wanted when the run user can get there', async () => {
  const wanted = join(folder, 'a', 'b')
  expect(await chooseHome(wanted, user, store)).toBe(wanted)
  await symlink(wanted, join(folder, 'link'))
  expect(await chooseHome(join(folder, 'link'), user, store)).toBe(wanted)
})

describe.runIf(isRoot)('as root, below a folder only root can enter', () => {
  let wanted: string

  beforeEach(async () => {
    wanted = join(folder, 'private', 'postgres')
    await mkdir(dirname(wanted))
    await chmod(dirname(wanted), 0o700)
  })

  test('a cluster lives in the store, keyed by the wanted folder', async () => {
    const home = await chooseHome(wanted, user, store)
    expect(dirname(home)).toBe(store)
    expect(await chooseHome(wanted, user, store)).toBe(home)
    expect(await chooseHome(`${wanted}-2`, user, store)).not.toBe(home)
    expect(await stat(home)).toMatchObject({ uid: 0, mode: 0o40711 })
  })

  test('a folder in the store that belongs to somebody else is refused', async () => {
    const home = await chooseHome(wanted, user, store)
    await chown(home, user.uid, user.gid)
    await expect(chooseHome(wanted, user, store)).rejects.toThrow(`${home} belongs to user`)
  })

  test('a link in the store is refused', async () => {
    const home = await chooseHome(wanted, user, store)
    await rm(home, { recursive: true })
    await symlink(folder, home)
    await expect(chooseHome(wanted, user, store)).rejects.toThrow(`${home} is not a folder`)
  })

  test('a folder in the store that others can write is refused', async () => {
    const home = await chooseHome(wanted, user, store)
    await chmod(home, 0o777)
    await expect(chooseHome(wanted, user, store)).rejects.toThrow('can be written by other users')
  })

  test('a server runs as nobody, on files only nobody can read', async () => {
    const home = await chooseHome(wanted, user, privateStore(user))
    onTestFinished(() => removeFolder(home))
    const postgres = await hold(wanted)
    expect(dirname(postgres.dataDir)).toBe(home)
    expect(await readdir(wanted)).toEqual([])
    expect(await lstat(postgres.dataDir)).toMatchObject({ uid: 65_534, gid: 65_534, mode: 0o40700 })
    expect(await ask(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})
