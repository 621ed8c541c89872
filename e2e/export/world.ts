import { z } from 'zod'

import { createDatabase, exitOf, launch, openSession } from '../faults/server-process.ts'
import { nextMessage, startChild, stopChild } from '../login-flood/child.ts'
import { FILES_FOLDER } from '../setup/files-folder.ts'

const Started = z.object({ url: z.string() })
const Observed = z.object({ rssBytes: z.number(), open: z.int(), reading: z.int(), inUse: z.int() })

export interface ExportWorld extends AsyncDisposable {
  readonly url: string
  /** The most memory of the server's process so far, and what its exports hold now. */
  observe(): Promise<z.output<typeof Observed>>
}

/** The reference backend in a process of its own, where Anna has so many items. */
export async function startExportWorld(items: number): Promise<ExportWorld> {
  await using stack = new AsyncDisposableStack()
  const { directUrl } = stack.use(await createDatabase())
  const migration = launch(['migrate', 'up'], { DATABASE_URL: directUrl })
  if ((await exitOf(migration)) !== 0) throw new Error('The migrations failed.')
  await createItems(directUrl, items)

  const file = new URL('./server.fixture.ts', import.meta.url)
  const server = startChild({ file }, { ...ENVIRONMENT, DATABASE_URL: directUrl })
  stack.defer(() => stopChild(server))
  const { url } = Started.parse(await nextMessage(server))
  const running = stack.move()
  return {
    url,
    async observe() {
      server.send('look')
      return Observed.parse(await nextMessage(server))
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Each is a microsecond younger than the one before, but for every tenth. */
async function createItems(databaseUrl: string, count: number): Promise<void> {
  await using session = await openSession(databaseUrl)
  // What search needs would take most of the time.
  await session.client.query('drop index item_owner_words, item_owner_name, item_owner_sku')
  await session.client.query(
    `insert into item (owner_id, sku, name, quantity, price_minor, created_at)
     select 'anna', lpad(n::text, 7, '0'), rpad('Item, "number" ' || n, 120, '.'), n % 100, 1000 + n,
       timestamptz '2026-01-01' + (n - n / 10) * interval '1 microsecond'
     from generate_series(1, $1) n`,
    [count],
  )
}

const ENVIRONMENT = {
  NODE_ENV: 'production',
  PORT: '0',
  LOG_LEVEL: 'info',
  TAUTLINE_HOSTS: '*',
  TAUTLINE_SECRET: 'a secret that is only good for tests',
  TAUTLINE_DRAIN_QUIET_MS: '0',
  TAUTLINE_FILES: FILES_FOLDER,
}
