import { execFile } from 'node:child_process'
import { glob } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { promisify } from 'node:util'

import { z } from 'zod'

import { table } from './statistics.ts'

/**
 * What each mechanism of a policy costs a call, alone and without HTTP, and what a loader saves one,
 * with and without HTTP. Each brings its own `cost.fixture.ts`, which prints its figures as JSON
 * lines; they run one after the other, each in a process of its own. Run by `pnpm bench:policies`.
 */

const figureSchema = z.object({
  name: z.string(),
  /** Calls under way at the same time. */
  atOnce: z.int(),
  microseconds: z.number(),
})

const run = promisify(execFile)
const root = new URL('../', import.meta.url)

const files: string[] = []
const fixtures = 'packages/kit/src/{policies/*/cost,loader-cost}.fixture.ts'
for await (const file of glob(fixtures, { cwd: root })) {
  files.push(file)
}

const rows: string[][] = []
for (const file of files.sort()) {
  const { stdout } = await run(process.execPath, ['--conditions=@tautline/source', file], {
    cwd: root,
  })
  for (const line of stdout.trim().split('\n')) {
    const { name, atOnce, microseconds } = figureSchema.parse(JSON.parse(line))
    rows.push([name, String(atOnce), `${microseconds.toFixed(1)} µs`])
  }
}

console.log(
  `${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown model'}, Node ${process.versions.node}`,
)
console.log(table([['', 'at once', 'per call'], ...rows]))
