import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const repository = join(import.meta.dirname, '../..')

/** A snippet the lint refuses and its allowed twin; the twin stands in the same file unless it says otherwise. */
export interface Case {
  name: string
  path: string
  refused: string
  allowed: string
  allowedPath?: string
}

/** The codes of what oxlint found, such as `tautline(no-sql-raw)`, by file. */
export type Findings = Map<string, string[]>

interface Report {
  diagnostics: { code?: string; message: string; filename: string }[]
}

/**
 * Runs the repository's own oxlint and configuration over files of a folder that mirrors the repository:
 * overrides and the import ladder go by path, so that snippets must stand where the real code would.
 */
export async function lint(files: Map<string, string>): Promise<Findings> {
  const folder = await mkdtemp(join(tmpdir(), 'tautline-lint-'))
  try {
    await writeFile(join(folder, 'pnpm-workspace.yaml'), '')
    for (const name of ['.oxlintrc.json', 'tsconfig.base.json']) {
      await cp(join(repository, name), join(folder, name))
    }
    const tsconfig = { extends: './tsconfig.base.json', include: ['**/*.ts'] }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
    for (const name of ['node_modules', 'tools']) {
      await symlink(join(repository, name), join(folder, name))
    }
    await Promise.all([...files].map(([path, text]) => write(join(folder, path), text)))
    return findingsOf(await runOxlint(folder))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function write(path: string, text: string) {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

/** Exit code 1 means that something was found; only output that is not a report is a failure. */
async function runOxlint(cwd: string): Promise<Report> {
  const bin = join(repository, 'node_modules/oxlint/bin/oxlint')
  const args = [bin, '--format=json', 'packages', 'e2e', 'bench', 'scripts', 'vitest.config.ts']
  const run = promisify(execFile)(process.execPath, args, { cwd, maxBuffer: 64 * 1024 * 1024 })
  const stdout = await run.then(
    (done) => done.stdout,
    (error: unknown) => String(Reflect.get(Object(error), 'stdout')),
  )
  if (!stdout.startsWith('{')) throw new Error(`oxlint did not run: ${stdout}`)
  return JSON.parse(stdout)
}

function findingsOf({ diagnostics }: Report): Findings {
  const byFile: Findings = new Map()
  for (const { code, message, filename } of diagnostics) {
    // The type checker's own complaints name no rule; without a file the run itself has failed.
    if (!code && !filename) throw new Error(`oxlint failed: ${message}`)
    byFile.set(filename, [...(byFile.get(filename) ?? []), code ?? message])
  }
  return byFile
}
