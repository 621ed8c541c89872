import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A disk of 256 kB; undefined where this user may not mount one. */
export async function mountSmallDisk(): Promise<
  (AsyncDisposable & { readonly path: string }) | undefined
> {
  const path = await mkdtemp(join(tmpdir(), 'tautline-disk-'))
  const run = promisify(execFile)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', path])
  } catch {
    await rm(path, { recursive: true })
    return undefined
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      await run('umount', [path])
      await rm(path, { recursive: true })
    },
  }
}
