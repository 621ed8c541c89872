import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Where the documents are. */
export const WORKSPACE = join(import.meta.dirname, '../..')

/** A fenced block of a document. */
export interface CodeBlock {
  readonly language: string
  readonly code: string
}

export async function readDocument(path: string): Promise<string> {
  return readFile(join(WORKSPACE, path), 'utf8')
}

const FENCED = /^```(\w*)\n(.*?)^```$/gms

export function codeBlocks(text: string): CodeBlock[] {
  return [...text.matchAll(FENCED)].map(([, language = '', code = '']) => ({ language, code }))
}

/** What stands in single backticks, outside of blocks. */
export function codeSpans(text: string): string[] {
  return [...text.replaceAll(FENCED, '').matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span)
}

/** Where the links lead that stay in the repository. */
export function localLinks(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^\w+:/.test(target))
}
