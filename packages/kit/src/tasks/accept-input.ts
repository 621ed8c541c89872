import { createHash } from 'node:crypto'

import { badInput, refusedBy } from '../platform/bad-input.ts'
import type { AcceptableTask } from '../task-types.ts'
import { fromText, toText } from './wire-text.ts'

/** The largest input or output of a task, in bytes of its text. What is larger belongs into a file. */
export const MAX_TEXT_BYTES = 256 * 1024

/** An input that its task takes. */
export interface AcceptedInput {
  /** As its schema took it: what the worker parses once more, and finds the same. */
  readonly text: string
  /** A digest of the key: what an index takes, whatever the task makes its key of. */
  readonly dedupeKey: string | null
}

/**
 * Holds an input to the schema of its task. It is parsed as the worker will read it, so that nobody
 * finds out later that it cannot be carried. Throws `BAD_INPUT`.
 */
export async function acceptInput(task: AcceptableTask, input: unknown): Promise<AcceptedInput> {
  const text = toText(input)
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) {
    const message = `The input of a task has ${MAX_TEXT_BYTES} bytes at most.`
    throw badInput([{ path: [], code: 'too_big', message }])
  }
  const parsed = await task.input.safeParseAsync(fromText(text))
  if (!parsed.success) throw refusedBy(parsed.error)
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the schema above has made it
  const key = task.dedupeKey?.(parsed.data as never)
  return { text, dedupeKey: key === undefined ? null : digest(key) }
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}
