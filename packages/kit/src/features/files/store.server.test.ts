import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { inTransaction } from '../../db/transaction.ts'
import type { FileStore } from '../../file-types.ts'
import { createFileStore } from '../../files/store.ts'
import { openDiskStorage } from '../../platform/file-storage/disk-storage.ts'
import { identityOf } from '../../rpc/handler-context.ts'
import { deleteFilesOf } from './delete-files.ts'
import { newcomer, startFilesServer } from './files-app.fixture.ts'

let server: Awaited<ReturnType<typeof startFilesServer>>
let files: FileStore
beforeAll(async () => {
  server = await startFilesServer()
  files = server.app.resources.files
})
afterAll(() => server[Symbol.asyncDispose]())

let owner: string
let user: ReturnType<typeof newcomer>
beforeEach(() => {
  user = newcomer()
  owner = identityOf(user)
})

const signal = AbortSignal.timeout(60_000)
const sweep = () => files.sweep(signal)

async function* once(text: string) {
  yield Buffer.from(text)
}
const newFile = (text: string) => ({ name: 'a.txt', source: once(text) })

async function textOf(id: string): Promise<string | undefined> {
  await using open = await files.open(owner, id)
  return open && (await buffer(open.stream())).toString()
}

/** Makes as if an hour had gone by since the last byte. */
const letTimePass = () =>
  server.own.query(`update tautline.file_unclaimed set remove_after = now() where not doomed`)

const usage = async () => {
  const { rows } = await server.own.query<{ files: number; bytes: string }>(
    'select files, bytes from tautline.file_usage where owner = $1',
    [owner],
  )
  return rows[0]
}

describe('a file of the backend’s own code', () => {
  test('is there when it is made, and is its owner’s', async () => {
    const file = await files.create(owner, newFile('text'))
    expect(file).toMatchObject({ name: 'a.txt', contentType: 'text/plain', size: 4 })
    expect(await server.clientAs(user).files.get.query({ id: file.id })).toEqual(file)
    expect(await textOf(file.id)).toBe('text')
    expect(await files.find(null, file.id)).toBeUndefined()
  })

  test('that is nobody’s has no quota and is no user’s', async () => {
    const file = await files.create(null, newFile('text'))
    expect(await files.find(null, file.id)).toEqual(file)
    expect(await files.find(owner, file.id)).toBeUndefined()
    expect(await files.remove(null, file.id)).toBe(true)
  })

  test('comes and goes with the transaction around it', async () => {
    const { db } = server.app.resources
    const staged = await files.stage(owner, newFile('text'))
    const rolledBack = inTransaction(db, async () => {
      await files.keep(staged)
      throw new Error('no')
    })
    await expect(rolledBack).rejects.toThrow('no')
    expect(await usage()).toBeUndefined()
    const file = await inTransaction(db, () => files.keep(staged))
    expect(await files.keep(staged)).toEqual(file)
    const kept = inTransaction(db, async () => {
      await files.remove(owner, file.id)
      throw new Error('no')
    })
    await expect(kept).rejects.toThrow('no')
    expect(await textOf(file.id)).toBe('text')
    expect(await usage()).toEqual({ files: 1, bytes: 4n.toString() })
  })

  test('is not made of bytes that a transaction would wait for', async () => {
    const { db } = server.app.resources
    const inside = inTransaction(db, () => files.create(owner, newFile('text')))
    await expect(inside).rejects.toThrow('inside a transaction')
  })

  test('is not made when its signal aborts, also while its source is silent', async () => {
    const before = await server.rows()
    const leaving = new AbortController()
    async function* silent() {
      yield Buffer.from('begun')
      setTimeout(() => leaving.abort(new Error('left')), 20)
      await new Promise<never>(() => {})
    }
    const making = files.create(owner, { name: 'a', source: silent(), signal: leaving.signal })
    await expect(making).rejects.toThrow('left')
    expect(await server.rows()).toEqual(before)
  })

  test('is made in the end although others hold the row of its quota', async () => {
    await files.create(owner, newFile('first'))
    await server.own.query('begin')
    await server.own.query('select 1 from tautline.file_usage where owner = $1 for update', [owner])
    const making = files.create(owner, newFile('second'))
    await sleep(100)
    await server.own.query('commit')
    await making
    expect(await usage()).toMatchObject({ files: 2 })
  })
})

describe('bytes', () => {
  test('of a deleted file go with the next sweep', async () => {
    await sweep()
    const before = await server.stored()
    const { id } = await files.create(owner, newFile('text'))
    expect(await files.remove(owner, id)).toBe(true)
    expect(await files.remove(owner, id)).toBe(false)
    expect(await textOf(id)).toBeUndefined()
    await sweep()
    expect(await server.stored()).toEqual(before)
    expect(await server.rows()).toMatchObject({ unclaimed: 0 })
  })

  test('that became no file are left alone for an hour, and then go', async () => {
    const before = await server.stored()
    const staged = await files.stage(owner, newFile('text'))
    await sweep()
    expect((await server.stored()).length).toBe(before.length + 1)
    await letTimePass()
    await sweep()
    expect(await server.stored()).toEqual(before)
    await expect(files.keep(staged)).rejects.toThrow('are gone')
  })

  test('that somebody gives up go at once, but not those of a file', async () => {
    const before = await server.stored()
    await files.discard(await files.stage(owner, newFile('text')))
    expect(await server.stored()).toEqual(before)
    const staged = await files.stage(owner, newFile('text'))
    const { id } = await files.keep(staged)
    await files.discard(staged)
    expect(await textOf(id)).toBe('text')
  })

  test('that still come an hour later are not taken for left over', async () => {
    const { db, log, metrics } = server.app.resources
    const storage = await openDiskStorage(server.folder)
    const rules = { maxBytes: 100, quotaBytes: 100, maxFiles: 10 }
    const parts = { storage, db, rules, log, metrics, extendEveryMs: 0 }
    async function* slow() {
      yield Buffer.from('one, ')
      await letTimePass()
      yield Buffer.from('two')
      await sweep()
    }
    const file = await createFileStore(parts).create(owner, { name: 'a.txt', source: slow() })
    expect(await textOf(file.id)).toBe('one, two')
  })

  test('of which no row tells go when somebody gives them up', async () => {
    const before = await server.stored()
    const staged = await files.stage(owner, newFile('text'))
    await server.own.query('delete from tautline.file_unclaimed where storage_key = $1', [
      staged.storageKey,
    ])
    await files.discard(staged)
    expect(await server.stored()).toEqual(before)
  })

  test('are a file or are gone, however the sweep meets who makes the file', async () => {
    const all = Array.from({ length: 20 }, (_, n) => files.stage(owner, newFile(`text ${n}`)))
    const allStaged = await Promise.all(all)
    await letTimePass()
    const outcomes = await Promise.all(
      allStaged.map(async (staged, n) => {
        const [kept] = await Promise.allSettled([files.keep(staged), sweep()])
        if (kept.status === 'rejected') return 'gone'
        return (await textOf(kept.value.id)) === `text ${n}` ? 'file' : 'lost'
      }),
    )
    expect(outcomes).not.toContain('lost')
    await sweep()
    const { rows } = await server.own.query<{ key: string }>(
      'select storage_key as key from tautline.file',
    )
    expect((await server.stored()).sort()).toEqual(rows.map(({ key }) => key).sort())
  })
})

test('who deletes a file waits for the quota before the file, as who makes one does', async () => {
  const { id } = await files.create(owner, newFile('text'))
  await server.own.query('begin')
  await server.own.query('select from tautline.file_usage where owner = $1 for update', [owner])
  const removing = files.remove(owner, id)
  const waiting = `select from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))`
  await expect.poll(async () => (await server.own.query(waiting)).rowCount).toBe(1)
  await server.own.query('delete from tautline.file where id = $1', [id])
  await server.own.query('commit')
  expect(await removing).toBe(false)
})

test('pages of files are read from the newest to the oldest, each file once', async () => {
  for (let n = 0; n < 5; n++) await files.create(owner, newFile(`text ${n}`))
  const { list } = server.clientAs(user).files
  const first = await list.query({ limit: 3 })
  const second = await list.query({ limit: 3, cursor: first.nextCursor })
  const all = [...first.items, ...second.items]
  expect(new Set(all.map(({ id }) => id)).size).toBe(5)
  expect(all.map(({ createdAt }) => createdAt.getTime())).toEqual(
    all.map(({ createdAt }) => createdAt.getTime()).sort((a, b) => b - a),
  )
  expect(second.nextCursor).toBeNull()
})

test('all files of a user who is deleted go, in batches, and nobody else’s', async () => {
  const { db } = server.app.resources
  for (let n = 0; n < 3; n++) await files.create(owner, newFile('text'))
  const other = await files.create(identityOf({ ...user, tenantId: 'press' }), newFile('text'))
  expect(await deleteFilesOf(db, user, 2)).toBe(2)
  expect(await deleteFilesOf(db, user, 2)).toBe(1)
  expect(await usage()).toBeUndefined()
  const { rows } = await server.own.query('select id from tautline.file where id = $1', [other.id])
  expect(rows).toHaveLength(1)
})
