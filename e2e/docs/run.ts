import { execFile } from 'node:child_process'
import { dirname } from 'node:path'

import type { Checkout } from '../dev/checkout.ts'

/** Runs one command line in a folder and gives what it printed; fails with all of that. */
export type Run = (line: string) => Promise<string>

/** A shell in `folder` that has what a login shell has, and the Node that runs these tests. */
export function shellIn(folder: string, environment: NodeJS.ProcessEnv): Run {
  const options = { cwd: folder, env: environment, maxBuffer: 50_000_000 }
  return async (line) =>
    new Promise((resolve, reject) => {
      execFile('sh', ['-c', line], options, (cause, stdout, stderr) => {
        if (!cause) return resolve(stdout + stderr)
        // The cause repeats all that was printed.
        reject(new Error(`\`${line}\` failed with ${cause.code}:\n${stdout}${stderr}`))
      })
    })
}

/** The shell of this machine may have an older Node than packages need; ours goes first. */
export function environmentOf(checkout: Checkout): NodeJS.ProcessEnv {
  const { PATH = '' } = checkout.environment
  return { ...checkout.environment, PATH: `${dirname(process.execPath)}:${PATH}` }
}

/** Installs a checkout from the package manager's store, which takes some seconds. */
export const INSTALL = 'npx --yes pnpm@12 install --frozen-lockfile --prefer-offline'
