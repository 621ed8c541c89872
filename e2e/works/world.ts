import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { z } from 'zod'

import { createClient, uploadFile, type Client } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

import { createDatabase, exitOf, launch, openSession } from '../faults/server-process.ts'
import { nextMessage, startChild, stopChild } from '../login-flood/child.ts'
import { noisePicture } from './picture.ts'

const Started = z.object({ url: z.string() })
const Look = z.object({ blocks: z.number(), worstS: z.number() })

/** Items with as many different prices, so that a report has much to do. */
const ITEMS = 20_000

/** Pixels of a side of the image. */
const SIDE = 1_200

/** The reference backend, which answers and works in one process, and Anna, who has items and an image. */
export interface World extends AsyncDisposable {
  readonly client: Client<AppRouter>
  readonly itemIds: readonly string[]
  readonly imageId: string
  /** What its event loop has been seen to do; after a block of 200 ms where one is wanted. */
  look(message: 'look' | 'block'): Promise<z.output<typeof Look>>
}

export async function startWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const migration = launch(['migrate', 'up'], { DATABASE_URL: directUrl })
  if ((await exitOf(migration)) !== 0) throw new Error('The migrations failed.')
  const itemIds = await createItems(directUrl)
  const folder = await mkdtemp(join(tmpdir(), 'tautline-works-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const server = startChild(
    { file: new URL('./server.fixture.ts', import.meta.url) },
    { ...ENVIRONMENT, DATABASE_URL: directUrl, TAUTLINE_FILES: join(folder, 'files') },
  )
  stack.defer(() => stopChild(server))
  const { url } = Started.parse(await nextMessage(server))
  const client = createClient<AppRouter>({ url: `${url}/rpc`, auth: () => 'anybody', retry: false })
  const image = await uploadFile(client, await noisePicture(SIDE), { name: 'noise.png' })
  const running = stack.move()
  return {
    client,
    itemIds,
    imageId: image.id,
    async look(message) {
      server.send(message)
      return Look.parse(await nextMessage(server))
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Some of them are returned. */
async function createItems(databaseUrl: string): Promise<string[]> {
  await using session = await openSession(databaseUrl)
  // What search needs would take most of the time.
  await session.client.query('drop index item_owner_words, item_owner_name, item_owner_sku')
  await session.client.query(
    `insert into item (owner_id, sku, name, quantity, price_minor)
     select 'anna', n, 'Item ' || n, n % 100, n * (n % 97 + 1) from generate_series(1, $1::int) n`,
    [ITEMS],
  )
  const { rows } = await session.client.query<{ id: string }>('select id from item limit 2000')
  return rows.map(({ id }) => id)
}

const ENVIRONMENT = {
  NODE_ENV: 'production',
  PORT: '0',
  LOG_LEVEL: 'warn',
  TAUTLINE_HOSTS: '*',
  TAUTLINE_SECRET: 'a secret that is only good for tests',
  TAUTLINE_DRAIN_QUIET_MS: '0',
  TAUTLINE_DRAIN_TIMEOUT_MS: '100',
  // A small machine that others use as well is no reason to refuse anybody here.
  TAUTLINE_ACQUIRE_TIMEOUT_MS: '5000',
}
