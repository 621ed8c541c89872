import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { createCheckout } from '../dev/checkout.ts'
import { environmentOf, INSTALL, shellIn } from './run.ts'

/** The packages that are published, what they need first. */
const PUBLISHED = ['shared', 'client', 'kit'] as const

/** One packed package. */
export interface Tarball {
  /** `@tautline/kit` */
  readonly name: string
  readonly path: string
  readonly bytes: number
  /** Its text files by their path in it, such as `dist/index.js`. */
  readonly files: ReadonlyMap<string, string>
}

/** The published packages as a registry would be given them. */
export interface Packed extends AsyncDisposable {
  readonly tarballs: readonly Tarball[]
  /** What a stranger's shell has. */
  readonly environment: NodeJS.ProcessEnv
  /** An empty place for a project that is no part of the workspace. */
  readonly outside: string
}

/** Builds and packs a copy of the workspace: the shared tree is in use by others. */
export async function packPackages(): Promise<Packed> {
  await using stack = new AsyncDisposableStack()
  const checkout = stack.use(await createCheckout())
  const environment = environmentOf(checkout)
  const run = shellIn(checkout.folder, environment)
  await run(INSTALL)
  await run('npx --yes pnpm@12 build')
  const tarballs = await Promise.all(PUBLISHED.map((name) => pack(name, checkout.folder)))
  const built = stack.move()
  return {
    tarballs,
    environment,
    outside: join(checkout.folder, '..', 'outside'),
    [Symbol.asyncDispose]: () => built.disposeAsync(),
  }

  async function pack(name: string, folder: string): Promise<Tarball> {
    const target = join(folder, '..', 'tarballs', name)
    await run(`npx --yes pnpm@12 --filter ./packages/${name} pack --pack-destination ${target}`)
    const [file = ''] = await readdir(target)
    const path = join(target, file)
    await run(`tar -xzf ${path} -C ${target}`)
    const { size: bytes } = await stat(path)
    return { name: `@tautline/${name}`, path, bytes, files: await readAll(join(target, 'package')) }
  }
}

async function readAll(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const texts = files.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name)
    return [path.slice(folder.length + 1), await readFile(path, 'utf8')] as const
  })
  return new Map(await Promise.all(texts))
}
