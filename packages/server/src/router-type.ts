import type { TasksOf } from '@tautline/kit'

import type { app } from './app.ts'

/** The router's type, for clients: imported with `import type`, it costs them no code. */
export type AppRouter = typeof app.router

/** The types of what its tasks come to, by their names, for `isTask` and `isOwnEvent` of the client. */
export type AppTasks = TasksOf<typeof app.features>
