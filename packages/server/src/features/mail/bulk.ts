import type { z } from 'zod'

import type { StepOutcome, TaskContext } from '@tautline/kit'

import { domainOf } from './address.ts'
import { createPostbox, type Postbox } from './postbox.ts'
import type { SendBulkInput } from './schema.ts'
import { outletOf } from './settings.ts'
import { fill } from './template.ts'

/** Connections of one task, and mails under way: so many may be unknown when its process is killed. */
const CONNECTIONS = 4

type Bulk = z.output<typeof SendBulkInput>

/** What has become of one recipient. */
export interface Outcome {
  readonly to: string
  readonly outcome: StepOutcome<string>['status']
  /** What the server said, or what stood in the way. */
  readonly said: string | null
}

/**
 * Sends to each recipient once at most, over a few connections, and tells what came of it. Those that
 * an attempt before this one has sent to are told as it left them. A server that is away before a mail
 * is begun fails the attempt: the next one goes on.
 */
export async function sendBulk(
  ctx: TaskContext,
  { template, recipients }: Bulk,
): Promise<Outcome[]> {
  const outlet = outletOf(ctx.settings)
  const from = 'from' in outlet ? outlet.from : ''
  const outcomes: Outcome[] = []
  const waiting = recipients.entries()
  const failures: unknown[] = []
  let ended = 0

  async function sendTo(postbox: Postbox, index: number, { to, variables }: Bulk['recipients'][0]) {
    const id = `${ctx.task.id}.${index}@${domainOf(from)}`
    const message = { from, to, id, ...fill(template, variables) }
    await postbox.open()
    const outcome = await ctx.step(String(index), () => postbox.leave(message))
    outcomes[index] = { to, ...tell(outcome) }
    ctx.progress(++ended, recipients.length)
  }

  /** What is under way is finished, and nothing is begun, once another one has failed. */
  async function work(): Promise<void> {
    using postbox = createPostbox(outlet, ctx.log)
    for (const [index, recipient] of waiting) {
      ctx.signal.throwIfAborted()
      if (failures.length > 0) return
      await sendTo(postbox, index, recipient)
    }
  }

  const workers = Array.from({ length: Math.min(CONNECTIONS, recipients.length) }, () =>
    work().catch((error: unknown) => failures.push(error)),
  )
  await Promise.all(workers)
  if (failures.length > 0) throw failures[0]
  return outcomes
}

function tell(outcome: StepOutcome<string>): Omit<Outcome, 'to'> {
  switch (outcome.status) {
    case 'done':
      return { outcome: 'done', said: outcome.value }
    case 'failed':
      return { outcome: 'failed', said: outcome.error }
    case 'unknown':
      return { outcome: 'unknown', said: null }
  }
}
