import { basename, dirname, join, normalize } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { WORKSPACE } from './markdown.ts'
import { startOutsideDev } from './outside-dev.ts'
import { createOutsideProject, type OutsideProject } from './outside-project.ts'
import { packPackages, type Packed, type Tarball } from './packed.ts'
import { shellIn } from './run.ts'

let packed: Packed

beforeAll(async () => {
  packed = await packPackages()
})
afterAll(() => packed?.[Symbol.asyncDispose]())

describe('a packed package', () => {
  test('has no tests, no fixtures and nothing of the reference backend', () => {
    const unwanted = /\.(test|test-d|fixture)\b|\.tsbuildinfo|items/
    expect(namesOfFiles().filter((name) => unwanted.test(name))).toEqual([])
    expect(filesThatSay(/ITEM_NOT_FOUND|itemsRouter|tautline-reference/)).toEqual([])
  })

  test('has the sources that its maps lead to', () => {
    const missing = packed.tarballs.flatMap((tarball) => mapsToNowhere(tarball))
    expect(missing).toEqual([])
  })

  test('names no place of the workspace or of the machine that built it', () => {
    const home = dirname(packed.outside)
    expect(filesThatSay(/workspace:|\bpackages\/(kit|server|client|shared)\b/)).toEqual([])
    expect(filesThatSay({ test: (text) => text.includes(home) })).toEqual([])
  })

  test('is resolved and typed as its manifest says, for everything that takes ES modules', async () => {
    const run = shellIn(WORKSPACE, packed.environment)
    for (const { path } of packed.tarballs) {
      expect(await run(`node_modules/.bin/publint run --strict ${path}`)).toContain('All good!')
      expect(await run(`node_modules/.bin/attw ${path} --profile esm-only`)).toContain('(ESM)')
    }
  })

  test('is small', () => {
    const sizes = packed.tarballs.map(({ name, bytes }) => ({ name, isSmall: bytes < 800_000 }))
    expect(sizes.filter(({ isSmall }) => !isSmall)).toEqual([])
  })
})

// Both take their time; pnpm's folders are the strict ones, where a forgotten dependency shows.
const managers = process.env.TEST_FULL === '1' ? (['pnpm', 'npm'] as const) : (['pnpm'] as const)

describe.each(managers)('a project outside the workspace, installed by %s', (manager) => {
  let project: OutsideProject
  beforeAll(async () => {
    project = await createOutsideProject(packed, manager)
  })

  test('compiles, with exact types and with the declarations of all libraries checked', async () => {
    expect(await project.run('npx tsc --version')).toContain('7.')
    await project.run('npx tsc')
  })

  test('tests its own feature through the client', async () => {
    expect(await project.run('NO_COLOR=1 npx vitest run')).toMatch(/Tests +1 passed/)
  })

  test('has the command tautline', async () => {
    expect(await project.run('npx tautline --help')).toContain('tautline <command>')
    expect(await project.run('npx tautline migrate new another')).toContain('-another.ts')
    await project.run('rm src/migrations/*-another.ts')
  })

  test('serves its own feature under dev, and nothing of the reference backend', async () => {
    await using dev = await startOutsideDev(project.folder, packed.environment)
    expect(await project.run(`node src/call.ts ${dev.url}`)).toContain('3n TITLE_TAKEN')
    expect(await fetch(`${dev.url}/rpc/items.list`)).toHaveProperty('status', 404)
    await dev.pressCtrlC()
    await expect(fetch(dev.url)).rejects.toThrow('fetch failed')
  })
})

function namesOfFiles(): string[] {
  return packed.tarballs.flatMap(({ name, files }) =>
    [...files.keys()].map((file) => `${name}/${file}`),
  )
}

function filesThatSay(pattern: Pick<RegExp, 'test'>): string[] {
  return packed.tarballs.flatMap(({ name, files }) =>
    [...files].flatMap(([file, text]) => (pattern.test(text) ? [`${name}/${file}`] : [])),
  )
}

function mapsToNowhere({ name, files }: Tarball): string[] {
  const maps = [...files].filter(([file]) => file.endsWith('.map'))
  expect(maps.length).toBeGreaterThan(0)
  return maps.flatMap(([file, text]) => {
    const sources: string[] = JSON.parse(text).sources
    return sources
      .map((source) => normalize(join(dirname(file), source)))
      .filter((source) => !files.has(source))
      .map((source) => `${name}/${basename(file)} → ${source}`)
  })
}
