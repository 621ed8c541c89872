import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { acquireEmbeddedPostgres } from '../platform/embedded-postgres/embedded-postgres.ts'

/** What development needs and nobody should have to set up. */
export interface DevDatabase extends AsyncDisposable {
  /** Variables to add to the environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Where the data is, in words. */
  readonly where: string
}

/** Everything that development leaves behind. */
const DATA_FOLDER = '.data'

/** The database of `DATABASE_URL`, or else an embedded Postgres, held until it is disposed of. */
export async function provideDatabase(): Promise<DevDatabase> {
  if (process.env.DATABASE_URL !== undefined || process.env.DATABASE_URL_FILE !== undefined) {
    return { environment: {}, where: 'the one of DATABASE_URL', async [Symbol.asyncDispose]() {} }
  }
  if (process.env.NODE_ENV === 'production') {
    throw new Error('DATABASE_URL is required in production; embedded Postgres is for development.')
  }
  const postgres = await acquireEmbeddedPostgres({
    dir: join(process.cwd(), DATA_FOLDER, 'postgres'),
  })
  return {
    environment: { DATABASE_URL: postgres.url },
    where: `${postgres.url} (files in ${postgres.dataDir})`,
    [Symbol.asyncDispose]: () => postgres.release(),
  }
}

/** The checkout's own secret, made once, so that a restart signs nobody out. */
export async function provideSecret(): Promise<string> {
  const file = join(process.cwd(), DATA_FOLDER, 'secret')
  await mkdir(DATA_FOLDER, { recursive: true })
  const fresh = crypto.randomUUID() + crypto.randomUUID()
  await writeFile(file, fresh, { flag: 'wx', mode: 0o600 }).catch(() => {}) // is there already
  return readFile(file, 'utf8')
}
