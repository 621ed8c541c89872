import { z } from 'zod'

const Answered = z.object({ result: z.object({ data: z.object({ json: z.unknown() }) }) })
const Refused = z.object({
  error: z.object({ json: z.object({ data: z.object({ reason: z.string() }) }) }),
})

export const Counter = z.object({ id: z.string(), value: z.number() })

export interface Answer {
  /** Undefined for a refusal. */
  readonly data: unknown
  readonly reason: string | undefined
  /** Where the answer came from, as `Server-Timing` says it. */
  readonly cache: string | undefined
}

export interface Question {
  readonly input?: object
  /** Who asks. */
  readonly user?: string
}

/** Asks a query by `fetch` alone: no client of ours may mend or hide anything. */
export async function ask(url: string, path: string, { input, user }: Question = {}) {
  const query = input ? `?input=${encodeURIComponent(JSON.stringify({ json: input }))}` : ''
  const headers = user === undefined ? {} : { 'x-user': user }
  return toAnswer(await fetch(`${url}/rpc/${path}${query}`, { headers }))
}

/** Counts, and tells the new value once it is committed. */
export async function add(url: string, id: string): Promise<number> {
  const { data } = toAnswerOrThrow(
    await toAnswer(
      await fetch(`${url}/rpc/counter.add`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ json: { id } }),
      }),
    ),
  )
  return Counter.parse(data).value
}

/** The value of a counter, by one of the queries that show it. */
export async function valueOf(url: string, id: string, path = 'counter.get'): Promise<number> {
  return Counter.parse(toAnswerOrThrow(await ask(url, path, { input: { id } })).data).value
}

async function toAnswer(response: Response): Promise<Answer> {
  const body: unknown = await response.json()
  const timing = response.headers.get('server-timing') ?? ''
  const [, cache] = /cache;dur=\d+;desc="([a-z]+)"/.exec(timing) ?? []
  const refused = Refused.safeParse(body)
  if (refused.success) {
    return { data: undefined, reason: refused.data.error.json.data.reason, cache }
  }
  return { data: Answered.parse(body).result.data.json, reason: undefined, cache }
}

function toAnswerOrThrow(answer: Answer): Answer {
  if (answer.reason !== undefined) throw new Error(`The call was refused: ${answer.reason}`)
  return answer
}
