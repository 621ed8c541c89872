import { Readable } from 'node:stream'

import { isFailure, type TaskContext } from '@tautline/kit'

import type { Outcome } from './bulk.ts'

/**
 * Keeps what became of each recipient as a file of whoever wanted it, the same however often it is
 * tried. Null where they have no room for it: what was sent is sent.
 */
export async function keepReport(
  { files, task, signal, log }: TaskContext,
  outcomes: readonly Outcome[],
): Promise<string | null> {
  const lines = outcomes.map((outcome) => Buffer.from(`${JSON.stringify(outcome)}\n`))
  try {
    const file = await files.create(task.owner, {
      name: `mail ${task.id}.ndjson`,
      source: Readable.from(lines),
      key: `mail.sendBulk ${task.id}`,
      signal,
    })
    return file.id
  } catch (error) {
    if (!isFailure(error) || error.reason !== 'QUOTA_EXCEEDED') throw error
    log.warn({ err: error }, 'there is no room for the report of a bulk mail')
    return null
  }
}
