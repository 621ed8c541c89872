import { existsSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'

import { testFiles } from './ladder.js'

/** @type {Map<string, string | undefined>} */
const roots = new Map()

/**
 * The workspace that holds a folder. Found by its marker file and not by the working directory, so
 * that a run from a sub-folder or an editor sees the same paths as `pnpm lint`.
 * @param {string} folder
 * @returns {string | undefined}
 */
function workspaceOf(folder) {
  if (roots.has(folder)) return roots.get(folder)
  const above = dirname(folder)
  // oxlint-disable-next-line tautline/no-sync-calls -- the rule API is synchronous, and the answer is kept
  const found = existsSync(join(folder, 'pnpm-workspace.yaml'))
  const root = found ? folder : above === folder ? undefined : workspaceOf(above)
  roots.set(folder, root)
  return root
}

/**
 * A file's path inside the workspace, with forward slashes; undefined outside of one.
 * @param {string} filename
 */
export function repoPath(filename) {
  const root = workspaceOf(dirname(filename))
  return root && relative(root, filename).split(sep).join('/')
}

/** @type {Map<string, RegExp>} */
const compiled = new Map()

/** @param {string} pattern */
function compile(pattern) {
  const source = pattern
    .split(/(\*\*\/|\*\*|\*)/)
    .map((part) => {
      if (part === '**/') return '(?:.*/)?'
      if (part === '**') return '.*'
      return part === '*' ? '[^/]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    })
    .join('')
  return new RegExp(`^${source}$`)
}

/**
 * @param {string} path
 * @param {readonly string[]} patterns
 */
export function matches(path, patterns) {
  return patterns.some((pattern) => {
    const regex = compiled.get(pattern) ?? compile(pattern)
    compiled.set(pattern, regex)
    return regex.test(path)
  })
}

/** @param {string} path */
export function isTest(path) {
  return matches(path, testFiles)
}

/** @param {string} path */
export function isMigration(path) {
  return matches(path, ['**/migrations/**'])
}
