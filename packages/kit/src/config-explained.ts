import { defaultsOf, namesOf, settingsSchemasOf, type SettingsOwner } from './config-settings.ts'
import { readVariables, type Environment } from './config-sources.ts'
import { environmentSchema, type Variables } from './config-variables.ts'

/** One setting as somebody may read it who may not know the secrets. */
export interface Setting {
  readonly name: string
  /** What is in effect; without secrets, and without the passwords in connection strings. */
  readonly value: string
  /** `environment`, `default`, or the file that holds it. */
  readonly from: string
}

type Value = Variables[keyof Variables]

const SECRETS = new Set(['TAUTLINE_SECRET', 'TAUTLINE_SECRET_PREVIOUS'])
const CONNECTION_STRINGS = new Set(['DATABASE_URL', 'DATABASE_DIRECT_URL', 'REDIS_URL'])

const HIDDEN = '***'

/**
 * Tells every setting, with what is in effect; with `app` those of its features too. Throws
 * `ConfigError` as `readConfig` does.
 */
export async function explainConfig(
  environment: Environment,
  app: SettingsOwner = { features: {} },
): Promise<readonly Setting[]> {
  const schemas = settingsSchemasOf(app)
  const { variables, given, files, settings } = await readVariables(environment, schemas)
  const values: Readonly<Record<string, Value>> = {
    ...defaultsOf(schemas),
    ...settings,
    ...variables,
  }
  return [...Object.keys(environmentSchema.shape), ...namesOf(schemas)].map((name) => {
    const file = files[name]
    const from = given[name] === undefined ? 'default' : 'environment'
    return {
      name,
      value: show(name, values[name]),
      from: file === undefined ? from : `file ${file}`,
    }
  })
}

function show(name: string, value: Value): string {
  if (value === undefined) return '-'
  if (SECRETS.has(name)) return HIDDEN
  const text = typeof value === 'object' ? value.join(',') : String(value)
  if (CONNECTION_STRINGS.has(name)) return withoutPasswords(text)
  if (name in environmentSchema.shape) return text
  // Nobody has told what the setting of a feature is.
  if (/SECRET|PASSWORD|TOKEN|KEY/.test(name)) return HIDDEN
  return URL.canParse(text) ? withoutPasswords(text) : text
}

/** Postgres takes a password before the host, and among the parameters too. */
function withoutPasswords(connectionString: string): string {
  const url = new URL(connectionString)
  if (url.password !== '') url.password = HIDDEN
  for (const name of url.searchParams.keys()) {
    if (/pass/i.test(name)) url.searchParams.set(name, HIDDEN)
  }
  return url.href
}
