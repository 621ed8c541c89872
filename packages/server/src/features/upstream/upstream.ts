import { upstreamRouter } from './router.ts'

/** What other services say. */
export const upstream = { router: upstreamRouter }
