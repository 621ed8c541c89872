import { explainConfig, type Setting } from '../config.ts'

/** Stands for the connection string that `dev` will make; never shown. */
const EMBEDDED = 'postgres://127.0.0.1/embedded'

/**
 * `tautline config`: every setting with the value that is in effect and where it comes from, secrets
 * hidden. Throws `ConfigError` when the environment is wrong. Opens nothing and connects to nothing.
 */
export async function runConfig(): Promise<void> {
  const { NODE_ENV, DATABASE_URL, DATABASE_URL_FILE } = process.env
  const isEmbedded =
    NODE_ENV !== 'production' && DATABASE_URL === undefined && DATABASE_URL_FILE === undefined
  const settings = await explainConfig({
    ...process.env,
    ...(isEmbedded && { DATABASE_URL: EMBEDDED }),
  })
  const shown = settings.map((setting) =>
    isEmbedded && setting.name === 'DATABASE_URL'
      ? { ...setting, value: 'embedded Postgres', from: 'default of dev' }
      : setting,
  )
  process.stdout.write(`${table(shown).join('\n')}\n`)
}

function table(settings: readonly Setting[]): string[] {
  const nameWidth = Math.max(...settings.map(({ name }) => name.length))
  const valueWidth = Math.max(...settings.map(({ value }) => value.length))
  return settings.map(({ name, value, from }) =>
    [name.padEnd(nameWidth), value.padEnd(valueWidth), from].join('  '),
  )
}
