import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { ownerIsAlive, ownerToken } from './process-life.ts'

/**
 * Writes this process down as one holder more and gives the holder's name. One process may
 * hold several times. Call under the cluster's lock.
 */
export async function addHolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const holder = await ownerToken()
  await writeFile(join(folder, holder), '', { flag: 'wx' })
  return holder
}

/**
 * Strikes out `holder` and everybody who died without doing so (kill -9), and tells how many
 * live holders are left. Call under the cluster's lock.
 */
export async function removeHolder(folder: string, holder: string): Promise<number> {
  const names = await readdir(folder)
  const live = await Promise.all(
    names.map(async (name) => {
      if (name !== holder && (await ownerIsAlive(name))) return 1
      await rm(join(folder, name), { force: true })
      return 0
    }),
  )
  return live.reduce<number>((sum, one) => sum + one, 0)
}
