import { chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { describeCluster, ensureCluster } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { findRunUser } from './run-user.ts'
import { isRoot, makeFolder, removeFolder } from './support.fixture.ts'

const user = findRunUser()
let home: string
let cluster: Cluster

beforeEach(async () => {
  home = await makeFolder()
  // Programs that do not exist: only the last case tries to run one.
  const missing = join(home, 'missing')
  cluster = describeCluster(home, user, { initdb: missing, postgres: missing, major: '18' })
  await mkdir(cluster.dataDir, { mode: 0o700 })
  await chown(cluster.dataDir, user.uid, user.gid)
})
afterEach(() => removeFolder(home))

test('a cluster of this major version is taken as it is', async () => {
  await writeFile(join(cluster.dataDir, 'PG_VERSION'), '18\n')
  await expect(ensureCluster(cluster)).resolves.toBeUndefined()
})

test('a cluster of another major version is refused by name', async () => {
  await writeFile(join(cluster.dataDir, 'PG_VERSION'), '15\n')
  const message = `${cluster.dataDir} is a cluster of Postgres 15, but the installed one is 18`
  await expect(ensureCluster(cluster)).rejects.toThrow(message)
})

test('a folder that is no cluster is refused by name', async () => {
  const message = `${cluster.dataDir} is not a Postgres cluster`
  await expect(ensureCluster(cluster)).rejects.toThrow(message)
})

test.runIf(isRoot)('a cluster of another user is refused by name', async () => {
  await chown(cluster.dataDir, 12_345, 12_345)
  const message = `${cluster.dataDir} belongs to user 12345`
  await expect(ensureCluster(cluster)).rejects.toThrow(message)
})

test('an initdb that cannot run says to set DATABASE_URL', async () => {
  const fresh = { ...cluster, dataDir: join(home, 'fresh') }
  await expect(ensureCluster(fresh)).rejects.toThrow(/set DATABASE_URL[^]*ENOENT/)
})
