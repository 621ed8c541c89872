import type { z } from 'zod'

import { keepText, toAnswer } from './answer.ts'

/** The answers that were made of an event, by the schema of their procedure. */
const answers = new WeakMap<object, Map<z.ZodType, Promise<unknown>>>()

/**
 * Says that many streams send this event, and that nobody changes it any more: it is parsed and encoded
 * once, and not for each of them.
 */
export function shareEvent<T extends object>(event: T): T {
  if (!answers.has(event)) answers.set(event, new Map())
  return event
}

/** What streams send for an event of their procedure. Fails as `toAnswer` does. */
export function toEventAnswer(schema: z.ZodType, event: unknown, exportPath?: string) {
  const known = typeof event === 'object' && event !== null ? answers.get(event) : undefined
  if (!known) return toAnswer(schema, event, exportPath)
  const answer = known.get(schema) ?? toAnswer(schema, event, exportPath).then(keepText)
  known.set(schema, answer)
  return answer
}
