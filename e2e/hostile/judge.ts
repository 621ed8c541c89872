import { z } from 'zod'

import { commonErrors } from '@tautline/shared'

import type { HostileRequest } from './hostile-request.ts'
import { MARKER } from './hostile-text.ts'
import type { Procedure } from './procedures.ts'
import type { Answer } from './send.ts'

/** What an answer may never show: stacks, files, packages, SQL. */
const INSIDE =
  /\bat \S+ \(|node:internal|node_modules|\.[cm]?[jt]s:\d|file:\/\/|\bselect\b.+\bfrom\b|\binsert into \S+|\bupdate \S+ set\b|\bdelete from \S+|\/(work|home|root|etc|tmp|usr)\/|tautline\.\w+_\w+|violates|relation "/i

/** All that the body of a failed call has. */
const Failed = z.strictObject({
  json: z.strictObject({
    message: z.string().max(300),
    code: z.int(),
    data: z.strictObject({
      reason: z.string(),
      requestId: z.uuid(),
      retryable: z.boolean(),
      retryAfterMs: z.number().optional(),
      issues: z
        .array(
          z.strictObject({
            path: z.array(z.union([z.string(), z.number()])),
            code: z.string(),
            message: z.string(),
          }),
        )
        .max(20)
        .optional(),
      data: z.unknown().optional(),
    }),
  }),
  meta: z.unknown().optional(),
})

const Result = z.union([z.strictObject({ result: z.unknown() }), z.strictObject({ error: Failed })])

/** What a page answers, and the server itself to what is no request. */
const Refusal = z.strictObject({ error: z.string().max(300), requestId: z.uuid().optional() })

/** Told where rivals or a crowd are the reason; a client may try again. */
const MAY_TRY_AGAIN = new Set<string>(['CONTENTION', 'UNAVAILABLE', 'OVERLOADED'])

export interface Verdict {
  /** What is wrong with the answer. */
  readonly faults: readonly string[]
  /** Procedures whose handlers ran: they gave a result, or a reason that only they give. */
  readonly reached: readonly string[]
  /** Calls that were told to try again. */
  readonly tryAgain: number
}

/** Holds an answer against what every answer promises, whatever the question was. */
export function judge(request: HostileRequest, answer: Answer): Verdict {
  const { statuses, text, broken } = answer
  const faults = broken === undefined ? [] : [broken]
  if (INSIDE.test(text)) faults.push('shows its inside')
  for (const status of statuses) {
    if (status >= 500 && status !== 503) faults.push(`status ${status}`)
  }
  if (request.via === 'socket') {
    if (statuses.length > 1) faults.push('answers one request twice')
    // A reason's own data is declared by its procedure; nothing in it has braces.
    const told = text.replaceAll(/"data":\{[^{}]*\}/g, '')
    if (statuses.some((status) => status >= 400) && told.includes(MARKER)) faults.push('echoes')
    return { faults, reached: [], tryAgain: 0 }
  }
  const [status] = statuses
  if (status === undefined || text === '') {
    // Only a body that nobody wants to read is cut off, and only HEAD has no answer to read.
    const mayBeSilent = request.method === 'HEAD' || String(request.body ?? '').length > 256_000
    return { faults: mayBeSilent ? faults : ['says nothing'], reached: [], tryAgain: 0 }
  }
  const ends = endsOf(text, request.headers['trpc-accept'] !== undefined)
  if (!ends)
    return { faults: [...faults, 'is not of the promised shape'], reached: [], tryAgain: 0 }
  const verdicts = ends.map((end, index) => judgeEnd(end, request.calls[index]))
  if (request.forged && ends.some((end, index) => isBreach(end, request.calls[index]))) {
    faults.push('believes what was forged')
  }
  return {
    faults: [...faults, ...verdicts.flatMap((verdict) => verdict.faults)],
    reached: verdicts.flatMap(({ reached }) => reached),
    tryAgain: verdicts.reduce((sum, { tryAgain }) => sum + tryAgain, 0),
  }
}

type End = z.output<typeof Result> | z.output<typeof Refusal>

/** How each call ended; undefined for what is none of the promised shapes. */
function endsOf(text: string, lines: boolean): End[] | undefined {
  if (text.startsWith('event: connected')) return [endOfStream(text)]
  if (lines && !text.startsWith('{"error"')) return [] // a stream of fragments
  const parsed = z.union([z.array(Result), Result, Refusal]).safeParse(parseJson(text))
  if (!parsed.success) return undefined
  return Array.isArray(parsed.data) ? parsed.data : [parsed.data]
}

/** How a stream failed, where it did; anything else is a result. */
function endOfStream(text: string): End {
  const [, told] = /^event: serialized-error\ndata: (.*)$/m.exec(text) ?? []
  if (told === undefined) return { result: text }
  return { error: Failed.parse(parseJson(told)) }
}

function judgeEnd(end: End, procedure: Procedure | undefined): Verdict {
  if (!('error' in end)) {
    return { faults: [], reached: procedure ? [procedure.path] : [], tryAgain: 0 }
  }
  const { error } = end
  if (typeof error === 'string') {
    return { faults: error.includes(MARKER) ? ['echoes'] : [], reached: [], tryAgain: 0 }
  }
  // A reason's own data is declared by its procedure, as its output is.
  const { data, ...body } = error.json.data
  const faults = JSON.stringify([error.json.message, body]).includes(MARKER) ? ['echoes'] : []
  const { reason, retryable } = body
  const declared = procedure?.declared.has(reason) ?? false
  if (!declared && !Object.hasOwn(commonErrors, reason)) faults.push(`undeclared ${reason}`)
  if (!declared && data !== undefined) faults.push(`${reason} with data`)
  const tryAgain = MAY_TRY_AGAIN.has(reason)
  if (tryAgain !== retryable) faults.push(`${reason} is wrong about trying again`)
  if (['INTERNAL', 'COMMIT_UNKNOWN', 'DEADLINE_EXCEEDED'].includes(reason)) faults.push(reason)
  return {
    faults,
    reached: declared && procedure ? [procedure.path] : [],
    tryAgain: tryAgain ? 1 : 0,
  }
}

/** A forged token that opens what is not for everybody, or a forged cursor that reads on. */
function isBreach(end: End, procedure: Procedure | undefined): boolean {
  return !('error' in end) && procedure !== undefined && procedure.allow !== 'public'
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
