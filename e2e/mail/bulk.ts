import { randomUUID } from 'node:crypto'

import { z } from 'zod'

import { until } from '../dev/wait.ts'
import type { World } from './world.ts'

const Output = z.object({
  done: z.number(),
  failed: z.number(),
  unknown: z.number(),
  reportFileId: z.string(),
})

const Line = z.object({ to: z.string(), outcome: z.enum(['done', 'failed', 'unknown']) })

/** What the report of a bulk mail says of each recipient. */
export type Outcome = z.output<typeof Line>

/** Longest until a task is over whose worker is killed again and again, in milliseconds. */
const TIMEOUT_MS = 500_000

/** Sends a mail to each; resolves to the task. */
export async function sendTo({ client }: World, recipients: readonly string[]): Promise<string> {
  const template = { subject: 'Hello {{name}}', text: 'You are {{name}}.' }
  const wanted = recipients.map((to) => ({ to, variables: { name: to } }))
  const call = { template, recipients: wanted }
  const { taskId } = await client.mail.sendBulk.mutate(call, { idempotencyKey: randomUUID() })
  return taskId
}

/** What came of all recipients, once the task is over; its counts and its report say the same. */
export async function outcomesOf(world: World, taskId: string): Promise<Outcome[]> {
  const task = await until(
    `the end of the task ${taskId}`,
    async () => {
      const found = await world.client.tasks.get.query({ id: taskId })
      return found.finishedAt !== null && found
    },
    TIMEOUT_MS,
  )
  if (task.state !== 'succeeded') throw new Error(`The task has ${task.state}: ${task.error}`)
  const { reportFileId, ...counts } = Output.parse(task.output)
  const answer = await fetch(`${world.url}/files/${reportFileId}`, { headers: world.headers })
  const lines = (await answer.text()).trim().split('\n')
  const outcomes = lines.map((line) => Line.parse(JSON.parse(line)))
  const counted = { done: 0, failed: 0, unknown: 0 }
  for (const { outcome } of outcomes) counted[outcome]++
  if (JSON.stringify(counted) !== JSON.stringify(counts)) {
    throw new Error(`The report has ${JSON.stringify(counted)}, the task ${JSON.stringify(counts)}`)
  }
  return outcomes
}
