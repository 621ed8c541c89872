import { auth, bearerIdentity, defineApp } from '@tautline/kit'

import { items } from './features/items/items.ts'
import { users } from './features/users/users.ts'
import { seedDemo } from './seed.ts'

const accounts = auth()

export const app = defineApp({
  name: 'tautline-reference',
  version: '0.1.0',
  features: { auth: accounts, items, users },
  identity: bearerIdentity(),
  migrations: new URL('./migrations/', import.meta.url),
  seed: (resources, baseUrl) => seedDemo(accounts, resources, baseUrl),
})
