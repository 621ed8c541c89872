import type { app } from './app.ts'

/** The router's type, for clients: imported with `import type`, it costs them no code. */
export type AppRouter = typeof app.router
