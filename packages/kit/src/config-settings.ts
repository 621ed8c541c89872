import { z } from 'zod'

import { environmentSchema } from './config-variables.ts'

/** Settings of a feature's own: environment variables by their names. */
export type SettingsSchema = z.ZodObject

/** A backend, as far as its settings go. */
export interface SettingsOwner {
  readonly features: Readonly<Record<string, FeatureWithSettings>>
}

interface FeatureWithSettings {
  readonly router: object
  readonly settings?: SettingsSchema
}

/** One value or none for each name. */
type Texts = Readonly<Record<string, unknown>>

/** Of the library's own variables the one that a feature may read too. */
const SHARED_NAME = 'NODE_ENV'

/** The schemas of all features. */
export function settingsSchemasOf({ features }: SettingsOwner): readonly SettingsSchema[] {
  return Object.values(features).flatMap(({ settings }) => settings ?? [])
}

/** The variables that they name and that are none of the library's. */
export function namesOf(schemas: readonly SettingsSchema[]): readonly string[] {
  const names = new Set(schemas.flatMap(({ shape }) => Object.keys(shape)))
  names.delete(SHARED_NAME)
  return [...names]
}

/** What those mean that were not given. */
export function defaultsOf(schemas: readonly SettingsSchema[]): Readonly<Record<string, string>> {
  const fields = schemas.flatMap(({ shape }) => Object.entries(shape))
  return Object.fromEntries(
    fields.flatMap(([name, field]) => {
      const fallback = z.safeParse(field, undefined)
      return fallback.data === undefined ? [] : [[name, String(fallback.data)]]
    }),
  )
}

/** Settings that contradict the library's, one sentence each. */
export function findSettingsContradictions(owner: SettingsOwner): readonly string[] {
  return namesOf(settingsSchemasOf(owner)).flatMap((name) => {
    if (name in environmentSchema.shape) return [`the setting ${name} is the library's own`]
    if (name.startsWith('TAUTLINE_')) return [`the setting ${name} has a name of the library's`]
    return /^[A-Z][A-Z\d_]*$/.test(name) ? [] : [`the setting ${name} is to be in UPPER_CASE`]
  })
}

/** What the schemas make of the variables, and all that they have against them. */
export interface ParsedSettings {
  readonly values: ReadonlyMap<SettingsSchema, unknown>
  readonly mistakes: readonly string[]
}

export function parseSettings(schemas: readonly SettingsSchema[], texts: Texts): ParsedSettings {
  const values = new Map<SettingsSchema, unknown>()
  const mistakes = new Set<string>()
  for (const schema of schemas) {
    const parsed = schema.safeParse(texts)
    if (parsed.success) values.set(schema, parsed.data)
    for (const { path, message } of parsed.error?.issues ?? []) {
      const name = path.join('.')
      mistakes.add(`${name}: ${texts[name] === undefined ? 'is required' : message}`)
    }
  }
  return { values, mistakes: [...mistakes] }
}

/** Settings as handlers ask for them: by the schema that the feature declares. */
export function settingsReader({ values }: Pick<ParsedSettings, 'values'>) {
  return <S extends SettingsSchema>(schema: S): z.output<S> => {
    if (!values.has(schema)) throw new Error('These settings are in no feature of this backend.')
    // oxlint-disable-next-line typescript/consistent-type-assertions -- this schema has made it
    return values.get(schema) as z.output<S>
  }
}
