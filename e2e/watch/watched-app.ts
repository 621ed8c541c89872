import { defineApp, tasks } from '@tautline/kit'

/** Whose tasks they are. */
export const ANNA = 'anna'

/** How long one is believed who does not say who they are, in milliseconds. */
const SHORT_LIFE_MS = 1_000

/**
 * A backend that has tasks to watch, and nothing else. It takes everybody's word for who they are, and
 * an `EventSource`, which can say nothing, for Anna, but not for long: it has to resume again and again.
 */
export const app = defineApp({
  name: 'watched',
  version: '0.0.0',
  // All watchers of the test are one user, whose tasks they are.
  features: { tasks: tasks({ streams: 10_000 }) },
  identity({ headers }) {
    const userId = headers.authorization?.replace('Bearer ', '')
    if (userId !== undefined) return { userId, roles: [], scopes: [] }
    return { userId: ANNA, roles: [], scopes: [], expiresAt: new Date(Date.now() + SHORT_LIFE_MS) }
  },
  migrations: new URL('./no-migrations/', import.meta.url),
})

export type WatchedRouter = (typeof app)['router']
