import { Failure, mutation } from '@tautline/kit'

import { MAIL_NOT_CONFIGURED } from './errors.ts'
import { AcceptedBulk, SendBulkInput } from './schema.ts'
import { outletOf } from './settings.ts'
import { sendBulkTask } from './tasks.ts'

const sendBulk = mutation({
  summary:
    'Sends a mail to up to 1,000 recipients, to each once at most. The task says how many were sent, ' +
    'refused and unknown, and makes a file that says it of each.',
  input: SendBulkInput,
  output: AcceptedBulk,
  errors: [MAIL_NOT_CONFIGURED],
  policy: { allow: { role: 'admin' }, limit: 'writes', fresh: true, idempotent: 'required' },
  async run({ ctx, input }) {
    if (outletOf(ctx.settings).to === 'nowhere') throw new Failure(MAIL_NOT_CONFIGURED)
    const { id: taskId } = await ctx.enqueue(sendBulkTask, input)
    return { taskId }
  },
})

export const mailRouter = { sendBulk }
