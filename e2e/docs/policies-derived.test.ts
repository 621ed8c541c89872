import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { WORKSPACE } from './markdown.ts'

const CLI = 'packages/kit/src/cli/main.ts'
const APP = 'packages/server/src/app.ts'

test('docs/policies.md says what the procedures declare', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@tautline/source', CLI, '--app', APP, 'policies'],
    { cwd: WORKSPACE },
  )
  const file = join(WORKSPACE, 'docs/policies.md')
  await expect(stdout, 'npx pnpm@12 derive writes it').toMatchFileSnapshot(file)
})
