import { explainConfig } from '../config.ts'
import { columns } from './columns.ts'
import { hasApp, loadApp } from './load-app.ts'

/** Stands for the connection string that `dev` will make; never shown. */
const EMBEDDED = 'postgres://127.0.0.1/embedded'

/**
 * `tautline config`: every setting with the value that is in effect and where it comes from, secrets
 * hidden; where there is an app file, those of its features too. Throws `ConfigError` when the
 * environment is wrong. Opens nothing and connects to nothing.
 */
export async function runConfig(appPath: string): Promise<void> {
  const { NODE_ENV, DATABASE_URL, DATABASE_URL_FILE } = process.env
  const isEmbedded =
    NODE_ENV !== 'production' && DATABASE_URL === undefined && DATABASE_URL_FILE === undefined
  const environment = { ...process.env, ...(isEmbedded && { DATABASE_URL: EMBEDDED }) }
  const app = (await hasApp(appPath)) ? await loadApp(appPath) : undefined
  const settings = await explainConfig(environment, app)
  const shown = settings.map((setting) =>
    isEmbedded && setting.name === 'DATABASE_URL'
      ? { ...setting, value: 'embedded Postgres', from: 'default of dev' }
      : setting,
  )
  const rows = shown.map(({ name, value, from }) => [name, value, from])
  process.stdout.write(`${columns(rows).join('\n')}\n`)
}
