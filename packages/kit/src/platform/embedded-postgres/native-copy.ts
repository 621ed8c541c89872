import { randomUUID } from 'node:crypto'
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

import { z } from 'zod'

import { hasCode } from './errors.ts'
import { assertOwned } from './own-folder.ts'

const Links = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * Makes the library links a package registry cannot carry. The package's own install script
 * does the same; it may have been forbidden to run. Fails when the folder cannot be written.
 */
export async function linkLibraries(root: string): Promise<void> {
  const list = join(root, 'native', 'pg-symlinks.json')
  const text = await readFile(list, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return '[]'
    throw error
  })
  for (const { source, target } of Links.parse(JSON.parse(text))) {
    const link = join(root, target)
    if (await exists(link)) continue
    await symlink(relative(dirname(link), join(root, source)), link).catch((error: unknown) => {
      // Another process may be at the same work.
      if (!hasCode(error, 'EEXIST')) throw error
    })
  }
}

/**
 * Copies the package at `root` to `target` with its library links, readable and executable by
 * every user. A copy that is there already is used, if it is our own. `target` appears complete
 * or not at all; when two processes copy at once, the first to finish wins.
 */
export async function copyPackage(root: string, target: string): Promise<void> {
  if (!(await exists(target))) {
    const draft = `${target}.${randomUUID()}`
    await mkdir(draft)
    // Without verbatimSymlinks the copied links would lead back into the original.
    await cp(join(root, 'native'), join(draft, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
    })
    await linkLibraries(draft)
    await openToEverybody(draft)
    await rename(draft, target).catch(async (error: unknown) => {
      await rm(draft, { recursive: true })
      if (!hasCode(error, 'EEXIST', 'ENOTEMPTY')) throw error
    })
  }
  await assertOwned(target, process.getuid?.() ?? 0)
}

async function openToEverybody(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  await Promise.all(
    entries.map(async (entry) => {
      if (entry.isSymbolicLink()) return
      const isProgram = entry.parentPath.endsWith('/bin')
      const mode = entry.isDirectory() || isProgram ? 0o755 : 0o644
      await chmod(join(entry.parentPath, entry.name), mode)
    }),
  )
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}
