import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import type { Db } from '../db/database.ts'
import type { DerivedFile } from './derived-files.ts'
import { recordSql } from './sql-recorder.ts'
import type { SqlSamples } from './sql-samples.ts'

/**
 * Code that sends statements: it builds them with Kysely, writes them as SQL, or hands text to Kysely
 * or pg. What hands over a variable is not seen.
 */
const STATEMENT =
  /\.(?:selectFrom|selectNoFrom|insertInto|updateTable|deleteFrom|mergeInto)\(|\b(?:sql|CompiledQuery)\.raw(?:<[^(]*>)?\(|\bsql(?:<[^`]*>)?`|\.query\(\s*['"`]/

const COMMENT = /\/\*.*?\*\/|^\s*\/\/.*?$/gms

/** What no caller reaches, and migrations, whose SQL runs once. */
const LEFT_OUT = /\.(?:test|test-d|fixture|d)\.ts$|(?:^|[/-])migrations(?:\.ts$|\/)/

/**
 * The SQL of every file below a folder that has statements. The samples of `queries.ts` are in
 * `queries.fixture.ts`, and make `queries.sql`. Throws when a file has no samples, and is not excused
 * with a reason either. It holds files, not statements: one that no sample reaches, or that comes into
 * an excused file, is found by nobody.
 */
export async function sqlFiles(
  db: Db,
  folder: string,
  excused: Readonly<Record<string, string>>,
): Promise<DerivedFile[]> {
  const paths = await readdir(folder, { recursive: true })
  const withStatements = await filesWithStatements(folder, paths)
  const sampled = withStatements.filter((path) => !(path in excused))
  const hidden = sampled.filter((path) => !paths.includes(fixtureOf(path)))
  const stale = Object.keys(excused).filter((path) => !withStatements.includes(path))
  const left = paths.filter((path) => path.endsWith('.sql') && !isDerived(path, sampled))
  throwIfAny([
    ...hidden.map((path) => `${path} has statements: give it samples in ${fixtureOf(path)}.`),
    ...stale.map((path) => `${path} is excused, and has no statements.`),
    ...left.map((path) => `${path} is derived from nothing any more: delete it.`),
  ])
  const files: DerivedFile[] = []
  for (const path of sampled) {
    const name = basename(path)
    const samples = await readSamples(join(folder, fixtureOf(path)))
    const text = `-- What the functions of ${name} send, called as in ${fixtureOf(name)}.
-- Derived: do not edit.\n\n${await recordSql(db, samples)}`
    files.push({ path: join(folder, sqlOf(path)), text })
  }
  return files
}

async function filesWithStatements(folder: string, paths: readonly string[]): Promise<string[]> {
  const code = paths.filter((path) => path.endsWith('.ts') && !LEFT_OUT.test(path)).sort()
  const texts = await Promise.all(code.map((path) => readFile(join(folder, path), 'utf8')))
  return code.filter((_, index) => STATEMENT.test((texts[index] ?? '').replaceAll(COMMENT, '')))
}

/** The dump of the schema is another file's affair. */
function isDerived(path: string, sampled: readonly string[]): boolean {
  return basename(path) === 'schema.sql' || sampled.some((code) => sqlOf(code) === path)
}

function fixtureOf(path: string): string {
  return path.replace(/\.ts$/, '.fixture.ts')
}

function sqlOf(path: string): string {
  return path.replace(/\.ts$/, '.sql')
}

function throwIfAny(mistakes: readonly string[]): void {
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
}

async function readSamples(path: string): Promise<SqlSamples> {
  const module: unknown = await import(pathToFileURL(path).href)
  const hasSamples = typeof module === 'object' && module !== null && 'samples' in module
  if (hasSamples && isSamples(module.samples)) return module.samples
  throw new Error(`${path} exports no \`samples\` made by samplesOf.`)
}

function isSamples(value: unknown): value is SqlSamples {
  return typeof value === 'object' && value !== null && 'given' in value && 'samples' in value
}
