import { createClient, createSession } from '@tautline/client'

import type { AccountsRouter } from './accounts-app.ts'

/*
 * A program that signs in at the server named by its argument, refreshes once and has nothing left
 * to do. Its timers, if any were left, would show by `getActiveResourcesInfo`.
 */
const [, , url = ''] = process.argv
const anonymous = createClient<AccountsRouter>({ url })
const session = createSession({
  refresh: (refreshToken, options) => anonymous.auth.refresh.mutate({ refreshToken }, options),
})
session.subscribe(() => {})
const tokens = await anonymous.auth.login.mutate({ name: 'anna' })
session.signIn({ ...tokens, accessToken: 'not the one that was given' })
const client = createClient<AccountsRouter>({ url, session })
console.log(await client.notes.whose.query())
const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout')
if (timers.length > 0) console.log(timers)
