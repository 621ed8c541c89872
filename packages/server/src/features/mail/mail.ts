import type { OnRegister } from '@tautline/kit'

import { mailRouter } from './router.ts'
import { mailSettings, outletOf } from './settings.ts'
import { sendBulkTask, welcomeTask } from './tasks.ts'

/** Mail to users, and to whom admins write. */
export const mail = {
  router: mailRouter,
  tasks: [sendBulkTask, welcomeTask],
  settings: mailSettings,
}

/** Welcomes who signs up. Where no mail is sent nobody is welcomed, and everybody can sign up. */
export const welcomeNewUser: OnRegister = async ({ ctx, user }) => {
  if (outletOf(ctx.settings).to !== 'nowhere') await ctx.enqueue(welcomeTask, { userId: user.id })
}
