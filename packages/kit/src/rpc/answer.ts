import type { z } from 'zod'

import { commonErrors, Failure, wire } from '@tautline/shared'

import { isLargerThan } from './json-size.ts'

/** The largest answer of a call, in bytes of JSON. What is larger is read as an export. */
const MAX_ANSWER_BYTES = 5_000_000

/** Answers that were encoded before tRPC asked for them. */
const encoded = new WeakMap<object, unknown>()

function payloadOf(answer: unknown): unknown {
  const isObject = typeof answer === 'object' && answer !== null
  return (isObject ? encoded.get(answer) : undefined) ?? wire.output.serialize(answer)
}

function remember(answer: unknown, payload: unknown): void {
  if (typeof answer === 'object' && answer !== null) encoded.set(answer, payload)
}

/**
 * What is answered for a handler's result: that part of it which the schema declares. It is encoded
 * now, so that what cannot be encoded, or is larger than 5 MB, fails its own call, and before its
 * transaction is committed or anything is kept. `RESPONSE_TOO_LARGE` names the export that tells all
 * of it; a call that has committed by itself tells `COMMIT_UNKNOWN` instead.
 */
export async function toAnswer(
  schema: z.ZodType,
  result: unknown,
  exportPath?: string,
): Promise<unknown> {
  const parsed = await schema.safeParseAsync(result)
  if (!parsed.success) {
    throw new Error('The output does not fit its schema.', { cause: parsed.error })
  }
  // Anew: a schema that lets things through may let the same object through again, changed.
  const payload = wire.output.serialize(parsed.data)
  if (isLargerThan(payload, MAX_ANSWER_BYTES)) throw tooLarge(exportPath)
  remember(parsed.data, payload)
  return parsed.data
}

function tooLarge(exportPath: string | undefined): Failure {
  const data = {
    limitBytes: MAX_ANSWER_BYTES,
    ...(exportPath !== undefined && { export: exportPath }),
  }
  return new Failure(commonErrors.RESPONSE_TOO_LARGE, { data })
}

/** Texts of answers that are sent many times. */
const texts = new WeakMap<object, string>()

/** Makes the text of an answer now, for all who send it. */
export function keepText(answer: unknown): unknown {
  if (typeof answer === 'object' && answer !== null) texts.set(answer, toText(answer))
  return answer
}

/** An answer as it is stored. */
export function toText(answer: unknown): string {
  const isObject = typeof answer === 'object' && answer !== null
  return (isObject ? texts.get(answer) : undefined) ?? JSON.stringify(payloadOf(answer))
}

/** The answer of a stored text. It is sent as that text. */
export function fromText(text: string): unknown {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- `toText` has written it
  const payload = JSON.parse(text) as Parameters<typeof wire.output.deserialize>[0]
  const answer = wire.output.deserialize(payload)
  remember(answer, payload)
  return answer
}

/** The wire, which knows what was encoded ahead. */
export const serverWire = {
  input: wire.input,
  output: { ...wire.output, serialize: payloadOf },
}
