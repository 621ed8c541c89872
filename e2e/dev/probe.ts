import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Checkout } from './checkout.ts'
import { until } from './wait.ts'

const SERVER = 'packages/server/src'

/** Adds two procedures to a checkout's backend: `probe.version`, to be edited, and `probe.wait`. */
export async function addProbe({ folder }: Checkout): Promise<void> {
  await rename(join(folder, SERVER, 'app.ts'), join(folder, SERVER, 'real-app.ts'))
  await writeFile(
    join(folder, SERVER, 'app.ts'),
    `import { defineApp } from '@tautline/kit'
import { app as real } from './real-app.ts'
import { probe } from './probe.ts'

export const app = defineApp({ ...real, features: { ...real.features, probe } })
`,
  )
  await editProbe({ folder }, 1)
}

/** An edit that changes what `probe.version` answers. */
export async function editProbe({ folder }: Pick<Checkout, 'folder'>, version: number) {
  await saveProbe(folder, probeSource(version))
}

/** An edit that nobody wants to make. */
export async function breakProbe({ folder }: Checkout): Promise<void> {
  await saveProbe(folder, `${probeSource(0)}\n}}} not TypeScript\n`)
}

/** In one step: on a busy machine the two of a plain write may count as two edits. */
async function saveProbe(folder: string, source: string): Promise<void> {
  const file = join(folder, SERVER, 'probe.ts')
  await writeFile(`${file}.draft`, source)
  await rename(`${file}.draft`, file)
}

function probeSource(version: number): string {
  return `import { mutation, query } from '@tautline/kit'
import { z } from 'zod'

const version = query({
  summary: 'Which edit this is.',
  output: z.number(),
  policy: { allow: 'public' },
  run: async () => ${version},
})

const wait = mutation({
  summary: 'Takes its time.',
  input: z.object({ ms: z.number() }),
  output: z.number(),
  policy: { allow: 'public', transaction: 'none' },
  run: ({ input }) => new Promise((resolve) => setTimeout(resolve, input.ms, input.ms)),
})

export const probe = { router: { version, wait } }
`
}

/** Resolves as soon as the server answers a call with this version. */
export async function servesVersion(url: string, version: number): Promise<void> {
  await until(`version ${version} to be served`, async () => {
    const answer = await fetch(`${url}/rpc/probe.version`).then(
      (response) => response.text(),
      () => '', // restarting
    )
    return answer.includes(`"json":${version}}`)
  })
}

/** A call that is under way for so long. */
export function callWait(url: string, ms: number): Promise<Response> {
  return fetch(`${url}/rpc/probe.wait`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ json: { ms } }),
  })
}
