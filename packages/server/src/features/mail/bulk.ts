import type { z } from 'zod'

import type { TaskContext } from '@tautline/kit'

import { domainOf } from './address.ts'
import { deliver, type Delivery } from './deliver.ts'
import { putOff } from './errors.ts'
import { createPostbox, type Postbox } from './postbox.ts'
import type { SendBulkInput } from './schema.ts'
import { outletOf } from './settings.ts'
import { fill } from './template.ts'

/** Connections of one task, and mails under way: so many may be unknown when its process is killed. */
const CONNECTIONS = 4

type Bulk = z.output<typeof SendBulkInput>

/** What has become of one recipient. */
export interface Outcome extends Delivery {
  readonly to: string
  readonly outcome: Exclude<Delivery['outcome'], 'put off'>
}

/**
 * Sends to each recipient once at most, over a few connections, and tells what came of it. Those that
 * an attempt before this one has sent to are told as it left them. A server that is away before a mail
 * is begun fails the attempt, and so does one that puts mails off, once all others are sent: the next
 * one goes on.
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
    const { outcome, said } = await deliver(ctx, postbox, { key: String(index), message })
    if (outcome === 'put off') return
    outcomes[index] = { to, outcome, said }
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
  if (ended < recipients.length) throw putOff()
  return outcomes
}
