import { execFile } from 'node:child_process'
import { access, glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { beforeAll, describe, expect, test } from 'vitest'

import { clientReasons } from '@tautline/client'
import { app } from '@tautline/server/app'
import { commonErrors } from '@tautline/shared'

import {
  cliCommandsIn,
  constantsIn,
  importsIn,
  leadsSomewhere,
  pathsIn,
  scriptsIn,
} from './claims.ts'
import { readDocument, WORKSPACE } from './markdown.ts'

const execute = promisify(execFile)

const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/deployment.md']
for await (const path of glob('packages/*/README.md', { cwd: WORKSPACE })) documents.push(path)

let files: string[]
let scripts: string[]
let help: string

beforeAll(async () => {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { stdout } = await execute('git', list, { cwd: WORKSPACE, maxBuffer: 10_000_000 })
  const listed = stdout.split('\0').filter((name) => name !== '')
  const exist = await Promise.all(listed.map((name) => exists(join(WORKSPACE, name))))
  files = listed.filter((_, index) => exist[index])

  const manifest = JSON.parse(await readFile(join(WORKSPACE, 'package.json'), 'utf8'))
  scripts = Object.keys(manifest.scripts)

  const cli = ['--conditions=@tautline/source', 'packages/kit/src/cli/main.ts', '--help']
  help = (await execute(process.execPath, cli, { cwd: WORKSPACE })).stdout
})

describe.each(documents)('%s', (path) => {
  let text: string
  beforeAll(async () => {
    text = await readDocument(path)
  })

  test('names files and folders that exist', () => {
    expect(pathsIn(text).filter((name) => !leadsSomewhere(name, files))).toEqual([])
  })

  test('names scripts that exist', () => {
    // pnpm's own command, which needs no script.
    expect(scriptsIn(text).filter((name) => ![...scripts, 'install'].includes(name))).toEqual([])
  })

  test('names commands of tautline that its help lists', () => {
    const listed = [...help.matchAll(/(?:^ {2}|, )([a-z]+(?: [a-z]+)*)(?= [<[]| {2,})/gm)]
    const known = listed.map(([, command = '']) => command)
    expect(known).toContain('dev')
    const isKnown = (line: string) =>
      known.some((command) => line === command || line.startsWith(`${command} `))
    expect(cliCommandsIn(text).filter((line) => !isKnown(line))).toEqual([])
  })

  test('names in capitals only variables and errors that exist', () => {
    const variables = help.match(/\b[A-Z]+_[A-Z_]+\b/g) ?? []
    const known = new Set([...reasons(), ...variables, ...ownVariables()])
    expect(constantsIn(text).filter((name) => !known.has(name))).toEqual([])
  })

  test('imports in its examples what the packages export', async () => {
    for (const { name, from } of importsIn(text)) {
      expect(Object.keys(await import(from)), `${from} of ${path}`).toContain(name)
    }
  })
})

test('the documents say enough for these tests to have a meaning', async () => {
  const all = (await Promise.all(documents.map((path) => readDocument(path)))).join('\n')
  expect(pathsIn(all).length).toBeGreaterThan(30)
  expect(scriptsIn(all)).toEqual(expect.arrayContaining(['dev', 'test', 'demo', 'tautline']))
  expect(cliCommandsIn(all)).toEqual(expect.arrayContaining(['dev', 'start', 'migrate up']))
  expect(constantsIn(all)).toEqual(expect.arrayContaining(['DATABASE_URL', 'COMMIT_UNKNOWN']))
  expect(importsIn(all)).toContainEqual({ name: 'safe', from: '@tautline/client' })
})

/** Of the reference backend, beside those of the library, which the help lists. */
function ownVariables(): string[] {
  const features = Object.values(app.features)
  return features.flatMap((feature) =>
    'settings' in feature ? Object.keys(feature.settings.shape) : [],
  )
}

/** Of the errors that every call may fail with, and those of the reference backend. */
function reasons(): string[] {
  const procedures = Object.values(app.features).flatMap((feature) => Object.values(feature.router))
  const declared = procedures.flatMap(({ _def }) => Object(_def).meta.errors)
  const common = Object.keys({ ...commonErrors, ...clientReasons })
  return [...common, ...declared.map((error) => error.reason)]
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
