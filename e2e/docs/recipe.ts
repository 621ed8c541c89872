import { glob, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type { Run } from './run.ts'

/** One thing that a recipe tells to do. */
export type Step =
  | { readonly kind: 'run'; readonly command: string }
  | { readonly kind: 'write'; readonly file: string; readonly code: string }
  | { readonly kind: 'append'; readonly file: string; readonly code: string }
  | {
      readonly kind: 'insert' | 'replace'
      readonly file: string
      readonly text: string
      readonly code: string
    }

const STEP = /^<!-- (insert|replace|append|write|run) ([^\n]*) -->\n+(?:```\w+\n(.*?)^```$)?/gms

/** Reads the steps of a document: comments, each with the block that follows. */
export function readSteps(document: string): Step[] {
  const found = [...document.matchAll(STEP)]
  const comments = document.split('<!--').length - 1
  if (found.length !== comments) {
    throw new Error(`${comments - found.length} comments of the document are no steps.`)
  }
  return found.map(([whole, kind = '', what = '', code]) => {
    if (kind === 'run') return { kind, command: what }
    if (code === undefined) throw new Error(`No block of code follows ${whole.trim()}`)
    if (kind === 'write' || kind === 'append') return { kind, file: what, code }
    const [, file, text] = /^(\S+) (?:before )?"(.+)"$/.exec(what) ?? []
    if (file === undefined || text === undefined || !isChange(kind)) {
      throw new Error(`This step cannot be read: ${whole.trim()}`)
    }
    return { kind, file, text, code }
  })
}

function isChange(kind: string): kind is 'insert' | 'replace' {
  return kind === 'insert' || kind === 'replace'
}

/** Does in `folder` what a step says. Fails when the document was written about other files. */
export async function follow(step: Step, folder: string, run: Run): Promise<void> {
  if (step.kind === 'run') {
    await run(step.command.replace(/^npx /, 'npx --yes '))
    return
  }
  const path = join(folder, await theOneFile(step.file, folder))
  if (step.kind === 'write') await mkdir(dirname(path), { recursive: true })
  const before = step.kind === 'write' ? '' : await readFile(path, 'utf8')
  await writeFile(path, edited(before, step))
}

function edited(before: string, step: Exclude<Step, { kind: 'run' }>): string {
  if (step.kind === 'write') return step.code
  if (step.kind === 'append') return `${before}\n${step.code}`
  const { file, text, code } = step
  const parts = before.split(text)
  if (parts.length !== 2) {
    throw new Error(`CONTRIBUTING.md: ${file} has "${text}" ${parts.length - 1} times, not once.`)
  }
  if (step.kind === 'replace') return parts.join(code.trimEnd())
  // Imports stand line by line, anything longer apart.
  const isOneLine = code.indexOf('\n') === code.length - 1
  return parts.join(`${code}${isOneLine ? '' : '\n'}${text}`)
}

/** A name with a star is that of the one file that it fits. */
async function theOneFile(name: string, folder: string): Promise<string> {
  if (!name.includes('*')) return name
  const found: string[] = []
  for await (const file of glob(name, { cwd: folder })) found.push(file)
  const [only] = found
  if (only === undefined || found.length > 1) {
    throw new Error(`CONTRIBUTING.md: ${name} fits ${found.length} files, not one.`)
  }
  return only
}
