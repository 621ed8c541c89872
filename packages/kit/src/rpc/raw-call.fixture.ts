import { z } from 'zod'

const Envelope = z.object({
  error: z.object({
    json: z.strictObject({
      message: z.string(),
      code: z.int(),
      data: z.strictObject({
        reason: z.string(),
        requestId: z.string(),
        retryable: z.boolean(),
        retryAfterMs: z.number().optional(),
        issues: z
          .array(z.strictObject({ path: z.array(z.any()), code: z.string(), message: z.string() }))
          .optional(),
        data: z.unknown().optional(),
      }),
    }),
  }),
})

export interface RawAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Sends what no client of ours would. */
export async function raw(url: string, init: RequestInit = {}): Promise<RawAnswer> {
  const response = await fetch(url, init)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** A POST with a JSON body, as text. */
export function post(url: string, body: BodyInit): Promise<RawAnswer> {
  return raw(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

/** The error of an answer; fails the test when it is not one in our envelope. */
export function errorOf({ text }: RawAnswer) {
  const { message, data } = Envelope.parse(JSON.parse(text)).error.json
  return { message, ...data }
}
