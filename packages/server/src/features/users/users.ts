import { leftoversLoop } from './leftovers.ts'
import { usersRouter } from './router.ts'
import './tables.ts'

/** The users of this backend, for themselves and for admins. */
export const users = { router: usersRouter, loops: { delete_leftovers: leftoversLoop } }
