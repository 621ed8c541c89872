import type { AppDefinition } from './app-definition.ts'
import { parseSettings, settingsReader, settingsSchemasOf } from './config-settings.ts'
import { ConfigError } from './config-sources.ts'
import type { Config } from './config.ts'
import type { ReadSettings } from './resources.ts'

/** The settings of a backend's features. Throws `ConfigError` where the configuration has them not. */
export function openSettings(
  definition: AppDefinition,
  { settings, environment }: Pick<Config, 'settings' | 'environment'>,
): ReadSettings {
  const texts = { ...settings, NODE_ENV: environment }
  const parsed = parseSettings(settingsSchemasOf(definition), texts)
  if (parsed.mistakes.length > 0) throw new ConfigError(parsed.mistakes)
  return settingsReader(parsed)
}
