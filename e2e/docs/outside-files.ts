/** What a stranger writes, beside `src/app.ts` and `src/tasks.ts` of the README of `@tautline/kit`. */
export const SOURCES: Readonly<Record<string, string>> = {
  'tsconfig.json': `{
  "compilerOptions": {
    "target": "es2024",
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "exactOptionalPropertyTypes": true,
    "skipLibCheck": false,
    "allowImportingTsExtensions": true,
    "declaration": true,
    "noEmit": true
  },
  "include": ["src"]
}
`,

  'vitest.config.ts': `import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { globalSetup: ['@tautline/kit/testing/global-setup'], testTimeout: 30_000 },
})
`,

  'src/notes.ts': `import type { GeneratedAlways } from 'kysely'
import { z } from 'zod'

import { defineError, Failure, mutation, violatedConstraint } from '@tautline/kit'

declare module '@tautline/kit' {
  interface Database {
    note: { title: string; likes: bigint; kept_at: GeneratedAlways<Date> }
  }
}

const TITLE_TAKEN = defineError('TITLE_TAKEN', {
  code: 'CONFLICT',
  message: 'There is such a note.',
  data: z.object({ title: z.string() }),
})

const keep = mutation({
  summary: 'Keeps a note.',
  input: z.strictObject({ title: z.string(), likes: z.bigint().default(0n) }),
  output: z.object({ title: z.string(), likes: z.bigint(), keptAt: z.date() }),
  errors: [TITLE_TAKEN],
  policy: { allow: 'public' },
  async run({ ctx, input }) {
    const insert = ctx.db.insertInto('note').values(input)
    try {
      return await insert.returning(['title', 'likes', 'kept_at as keptAt']).executeTakeFirstOrThrow()
    } catch (error) {
      if (violatedConstraint(error) !== 'note_pkey') throw error
      throw new Failure(TITLE_TAKEN, { data: { title: input.title } })
    }
  },
})

export const notes = { router: { keep } }
`,

  'src/migrations/2026-01-01-note.ts': `import { sql, type Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('note')
    .addColumn('title', 'text', (column) => column.primaryKey())
    .addColumn('likes', 'bigint', (column) => column.notNull())
    .addColumn('kept_at', 'timestamptz', (column) => column.notNull().defaultTo(sql\`now()\`))
    .execute()
}
`,

  'src/notes.test.ts': `import { expect, test } from 'vitest'

import { safe } from '@tautline/client'
import { startTestServer } from '@tautline/kit/testing'

import { app } from './app.ts'

test('a title is kept once', async () => {
  await using server = await startTestServer(app)
  const { notes } = server.clientAs({ userId: 'anna' })
  expect(await notes.keep.mutate({ title: 'a', likes: 3n })).toEqual({
    title: 'a',
    likes: 3n,
    keptAt: expect.any(Date),
  })
  const [, error] = await safe(notes.keep.mutate({ title: 'a' }))
  expect(error?.reason === 'TITLE_TAKEN' && error.data).toEqual({ title: 'a' })
})
`,

  'src/call.ts': `import { createClient, safe } from '@tautline/client'

import type { AppRouter } from './app.ts'

const client = createClient<AppRouter>({ url: \`\${process.argv[2]}/rpc\` })
const note = await client.notes.keep.mutate({ title: 'a', likes: 3n })
const [, error] = await safe(client.notes.keep.mutate({ title: 'a' }))
console.log(note.likes, error?.reason)
`,

  // Compared exactly, because an import that finds no types makes an `any` that fits everything.
  'src/types.test-d.ts': `import type { Insertable } from 'kysely'
import { expectTypeOf } from 'vitest'

import { createClient, safe } from '@tautline/client'
import type { Database, Resources } from '@tautline/kit'
import type { startTestServer } from '@tautline/kit/testing'

import type { app, AppRouter } from './app.ts'

const client = createClient<AppRouter>({ url: 'http://127.0.0.1' })
expectTypeOf<Extract<keyof typeof client, string>>().toEqualTypeOf<'auth' | 'notes'>()

interface Note {
  title: string
  likes: bigint
  keptAt: Date
}
expectTypeOf(client.notes.keep.mutate({ title: '' })).resolves.toEqualTypeOf<Note>()
// @ts-expect-error -- likes are a bigint
void client.notes.keep.mutate({ title: '', likes: 1 })

const [note, error] = await safe(client.notes.keep.mutate({ title: '' }))
if (error) {
  expectTypeOf(error.reason).not.toEqualTypeOf<string>()
  expectTypeOf(error.reason).not.toBeAny()
  if (error.reason === 'TITLE_TAKEN') expectTypeOf(error.data).toEqualTypeOf<{ title: string }>()
  // @ts-expect-error TS2367 -- no such error is declared
  if (error.reason === 'EMAIL_TAKEN') throw error
} else {
  expectTypeOf(note).toEqualTypeOf<Note>()
}

type Server = Awaited<ReturnType<typeof startTestServer<typeof app>>>
expectTypeOf<ReturnType<Server['client']>>().toEqualTypeOf<typeof client>()

expectTypeOf<'note' | 'tautline.user'>().toExtend<keyof Database>()
expectTypeOf<'item'>().not.toExtend<keyof Database>()
expectTypeOf<keyof Insertable<Database['note']>>().toEqualTypeOf<'title' | 'likes'>()
expectTypeOf<Resources['db']>().not.toBeAny()
expectTypeOf<Resources['log']>().not.toBeAny()
`,
}
