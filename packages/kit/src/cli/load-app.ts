import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

import type { AppDefinition } from '../app-definition.ts'
import { CliError } from './cli-error.ts'

/** Whether there is an app file. */
export async function hasApp(path: string): Promise<boolean> {
  return access(resolve(path)).then(
    () => true,
    () => false,
  )
}

/** Imports the app file and returns the `app` that it exports. */
export async function loadApp(path: string): Promise<AppDefinition> {
  if (!(await hasApp(path))) {
    throw new CliError(`There is no app file ${path}; say where it is with --app.`)
  }
  const module: unknown = await import(pathToFileURL(resolve(path)).href)
  if (typeof module === 'object' && module && 'app' in module && isDefinition(module.app)) {
    return module.app
  }
  throw new CliError(`${path} exports no \`app\` made by defineApp.`)
}

function isDefinition(value: unknown): value is AppDefinition {
  return typeof value === 'object' && value !== null && 'router' in value && 'features' in value
}
