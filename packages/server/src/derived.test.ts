import { relative } from 'node:path'

import { expect, test } from 'vitest'

import { deriveFiles } from '@tautline/kit/testing'

import { app } from './app.ts'

const derived = await deriveFiles(app, {
  folder: new URL('./', import.meta.url),
  excused: { 'search.ts': 'a part of what the two features/*/search.ts send' },
})
const files = derived.map((file) => ({ ...file, name: relative(import.meta.dirname, file.path) }))

test.each(files)('$name says what the migrations and the queries say', async ({ path, text }) => {
  await expect(text, 'npx pnpm@12 derive writes it').toMatchFileSnapshot(path)
})
