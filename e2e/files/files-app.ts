import { defineApp, files } from '@tautline/kit'

import { createTokenBook, createTokenRouter } from '../client-session/token-book.ts'

export const MAX_BYTES = 20_000_000

/** A backend that keeps files, whose tokens live and end as a test says. */
export function createFilesApp() {
  const book = createTokenBook()
  const app = defineApp({
    name: 'files',
    version: '1.0.0',
    features: {
      auth: { router: createTokenRouter(book) },
      files: files({ maxBytes: MAX_BYTES, quotaBytes: 100_000_000 }),
    },
    identity: book.identity,
    migrations: new URL('../client-session/no-migrations/', import.meta.url),
  })
  return { book, app }
}

export type FilesRouter = ReturnType<typeof createFilesApp>['app']['router']
