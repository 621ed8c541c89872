import { defineApp, files } from '@tautline/kit'

/** A backend that keeps files, all of them Anna's. */
export const app = defineApp({
  name: 'files',
  version: '1.0.0',
  features: { files: files() },
  identity: () => ({ userId: 'anna', roles: [], scopes: [] }),
  migrations: new URL('../client-session/no-migrations/', import.meta.url),
})
