import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { createCheckout, type Checkout } from '../dev/checkout.ts'
import { codeBlocks, readDocument } from './markdown.ts'
import { follow, readSteps } from './recipe.ts'
import { environmentOf, INSTALL, shellIn, type Run } from './run.ts'

let checkout: Checkout
let run: Run

beforeAll(async () => {
  checkout = await createCheckout()
  run = shellIn(checkout.folder, environmentOf(checkout))
  await run(INSTALL)
  const steps = readSteps(await readDocument('CONTRIBUTING.md'))
  for (const step of steps) await follow(step, checkout.folder, run)
})
afterAll(() => checkout?.[Symbol.asyncDispose]())

/** What the examples of the README leave to the imagination, in their order. */
const LEFT_OUT = [
  `import { z } from 'zod'
import { ownerOf } from '../../../owner.ts'
import { findItem } from '../queries.ts'
import { Item } from '../schema.ts'`,
  'declare const [token, id]: [string, string]',
  `import { z } from 'zod'
import type { Db, TaskContext } from '@tautline/kit'
interface Line { number: number; text: string }
declare function readLines(ctx: TaskContext, fileId: string): Promise<Line[]>
declare function chunksOf(lines: Line[], size: number): Line[][]
declare function insertNewNotes(db: Db, fileId: string, lines: Line[]): Promise<void>`,
  `import type { Client } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'
declare const client: Client<AppRouter>
declare const taskId: string`,
]

/** Puts each example into a file of its own, where the type check finds it; for a while. */
async function writeExamples(): Promise<AsyncDisposable> {
  const blocks = codeBlocks(await readDocument('README.md'))
  const examples = blocks.filter(({ language }) => language === 'ts')
  if (examples.length !== LEFT_OUT.length) throw new Error('The README has other examples now.')
  const folder = join(checkout.folder, 'packages/server/src/features/items/examples')
  await mkdir(folder)
  await Promise.all(
    examples.map(({ code }, index) =>
      writeFile(join(folder, `example-${index}.ts`), `${LEFT_OUT[index]}\n${code}`),
    ),
  )
  return { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

/** What the recipe for a table promises and has no test of its own for. */
const NOTES_TEST = `import { expect, test } from 'vitest'

import { startTestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'

test('keeps one note of each user', async () => {
  await using server = await startTestServer(app)
  const { notes } = server.clientAs({ userId: 'anna' })
  expect(await notes.put.mutate({ body: 'first' })).toEqual({ body: 'first' })
  expect(await notes.put.mutate({ body: 'second' })).toEqual({ body: 'second' })
})
`

test('what the recipes make compiles, and the examples of the README too', async () => {
  await using _ = await writeExamples()
  expect(await run('node_modules/.bin/tsc -b --force')).toBe('')
})

test('what the recipes make keeps the house rules', async () => {
  const linted = await run('node_modules/.bin/oxlint --type-aware packages/server')
  expect(linted).toContain('Found 0 warnings and 0 errors')
  const formatted = await run('node_modules/.bin/oxfmt --check packages/server')
  expect(formatted).toContain('correct format')
})

/** In a small run, what the recipes make and what holds it to the rest. */
const TESTS =
  process.env.TEST_FULL === '1'
    ? 'packages/server'
    : 'features/notes count-mine server/src/derived read-your-write items.server'

test('what the recipes make works, and what was there works as before', async () => {
  const notes = join(checkout.folder, 'packages/server/src/features/notes/notes.server.test.ts')
  await writeFile(notes, NOTES_TEST)
  const printed = await run(
    `NO_COLOR=1 node_modules/.bin/vitest run --project units ${TESTS} --reporter=verbose`,
  )
  expect(printed).toContain('counts the items of the caller and of nobody else')
  expect(printed).toContain('keeps one note of each user')
  expect(printed).toContain('keeps a note later, for whoever has asked')
})
