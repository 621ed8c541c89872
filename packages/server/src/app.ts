import {
  auth,
  bearerIdentity,
  cacheControl,
  defineApp,
  files,
  notifications,
  tasks,
} from '@tautline/kit'

import { accounts } from './features/accounts/accounts.ts'
import { images } from './features/images/images.ts'
import { items } from './features/items/items.ts'
import { mail, welcomeNewUser } from './features/mail/mail.ts'
import { reports } from './features/reports/reports.ts'
import { upstream } from './features/upstream/upstream.ts'
import { users } from './features/users/users.ts'
import { limits } from './limits.ts'
import { seedDemo } from './seed.ts'

const signIn = auth({
  scopes: ['accounts:transfer', 'items:import'],
  onRegister: welcomeNewUser,
})

/** Of what the library brings, as of what is our own. */
const readsAndWrites = { reads: 'reads', writes: 'writes' }

export const app = defineApp({
  name: 'tautline-reference',
  version: '0.1.0',
  features: {
    accounts: accounts(),
    auth: signIn,
    cache: cacheControl,
    files: files({
      uploads: { limit: 'writes' },
      downloads: { limit: 'reads' },
      limits: readsAndWrites,
    }),
    images,
    items,
    mail,
    notifications: notifications({ limits: readsAndWrites }),
    reports,
    tasks: tasks({ limits: readsAndWrites }),
    upstream,
    users,
  },
  limits,
  identity: bearerIdentity(),
  migrations: new URL('./migrations/', import.meta.url),
  seed: (resources, baseUrl) => seedDemo(signIn, resources, baseUrl),
})
