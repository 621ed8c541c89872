import { task } from '@tautline/kit'

import { domainOf } from './address.ts'
import { sendBulk } from './bulk.ts'
import { deliver } from './deliver.ts'
import { putOff } from './errors.ts'
import { createPostbox } from './postbox.ts'
import { findRecipient } from './queries.ts'
import { keepReport } from './report.ts'
import { BulkOutcome, SendBulkInput, WelcomeInput, WelcomeOutcome } from './schema.ts'
import { outletOf } from './settings.ts'
import { fill } from './template.ts'
import { welcomeTemplate } from './welcome-template.ts'

/**
 * A mail server may be away for long: pauses grow to ten minutes at most, five on average, so that all
 * tries together take about a day.
 */
const RETRY = { limit: 300, baseMs: 1_000, capMs: 600_000 }

/** Longest attempt at all mails of one task, in milliseconds: a slow server takes seconds for each. */
const BULK_TIMEOUT_MS = 2 * 60 * 60_000

export const sendBulkTask = task({
  name: 'mail.sendBulk',
  summary: 'Sends a mail to each of its recipients, once at most.',
  input: SendBulkInput,
  output: BulkOutcome,
  retry: RETRY,
  timeoutMs: BULK_TIMEOUT_MS,
  concurrency: 2,
  async run({ ctx, input }) {
    const outcomes = await sendBulk(ctx, input)
    const count = (wanted: string) => outcomes.filter(({ outcome }) => outcome === wanted).length
    return {
      done: count('done'),
      failed: count('failed'),
      unknown: count('unknown'),
      reportFileId: await keepReport(ctx, outcomes),
    }
  },
})

export const welcomeTask = task({
  name: 'mail.welcome',
  summary: 'Welcomes a user who has signed up, once at most.',
  input: WelcomeInput,
  output: WelcomeOutcome,
  retry: RETRY,
  async run({ ctx, input: { userId } }) {
    // Read now: whoever is gone is written nothing, and the task keeps no address.
    const user = await ctx.read((db) => findRecipient(db, userId))
    if (!user) return { outcome: 'gone' as const }
    const { email } = user
    const outlet = outletOf(ctx.settings)
    using postbox = createPostbox(outlet, ctx.log)
    await postbox.open()
    const from = 'from' in outlet ? outlet.from : ''
    const id = `${ctx.task.id}@${domainOf(from)}`
    const message = { from, to: email, id, ...fill(welcomeTemplate, { email }) }
    const { outcome } = await deliver(ctx, postbox, { key: 'send', message })
    if (outcome === 'put off') throw putOff()
    return { outcome }
  },
})
