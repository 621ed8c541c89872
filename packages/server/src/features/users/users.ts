import { usersRouter } from './router.ts'

/** The accounts of this backend, for their owners and for admins. */
export const users = { router: usersRouter }
