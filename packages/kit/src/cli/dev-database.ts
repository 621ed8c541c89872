import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { acquireEmbeddedPostgres } from '../platform/embedded-postgres/embedded-postgres.ts'
import { hasCode, messageOf } from '../platform/embedded-postgres/errors.ts'
import { CliError } from './cli-error.ts'

/** What development needs and nobody should have to set up. */
export interface DevDatabase extends AsyncDisposable {
  /** Variables to add to the environment. */
  readonly environment: Readonly<Record<string, string>>
  /** Where the data is, in words. */
  readonly where: string
}

/** Everything that development leaves behind. */
export const DATA_FOLDER = '.data'

/** The database of `DATABASE_URL`, or else an embedded Postgres, held until it is disposed of. */
export async function provideDatabase(): Promise<DevDatabase> {
  if (process.env.DATABASE_URL !== undefined || process.env.DATABASE_URL_FILE !== undefined) {
    return { environment: {}, where: 'the one of DATABASE_URL', async [Symbol.asyncDispose]() {} }
  }
  if (process.env.NODE_ENV === 'production') {
    throw new CliError(
      'DATABASE_URL is required in production; embedded Postgres is for development.',
    )
  }
  const dir = join(process.cwd(), DATA_FOLDER, 'postgres')
  const postgres = await acquireEmbeddedPostgres({ dir }).catch((cause: unknown) => {
    throw new CliError(messageOf(cause), { cause })
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
  const draft = `${file}.${crypto.randomUUID()}`
  await writeFile(draft, crypto.randomUUID() + crypto.randomUUID(), { mode: 0o600 })
  // A link comes with its content in one step, so that nobody reads a secret that is half there.
  await link(draft, file).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error
  })
  await rm(draft)
  return readFile(file, 'utf8')
}
