import { Agent, request } from 'node:http'

import { z } from 'zod'

const Priority = z.enum(['critical', 'normal', 'sheddable'])
type Priority = z.output<typeof Priority>

/** What is asked of a server, by ten calls: two critical, five normal, three sheddable. */
const MIX: readonly Priority[] = [
  'normal',
  'critical',
  'normal',
  'sheddable',
  'normal',
  'sheddable',
  'normal',
  'critical',
  'sheddable',
  'normal',
]

/** How long a caller waits for an answer, in milliseconds. What comes later is worth nothing. */
const DEADLINE_MS = 1_000

/** How often is looked whose turn it is, in milliseconds. */
const TICK_MS = 2

/** What to send: so many a second, whatever becomes of them; or the next when one has ended. */
export const Load = z.object({
  ms: z.number(),
  perSecond: z.number().optional(),
  atOnce: z.number().optional(),
})
export type Load = z.output<typeof Load>

const Sent = z.object({
  sent: z.int(),
  /** Answered with a result, in time. */
  served: z.int(),
  /** Answered by a refusal that says when to come again. */
  refused: z.int(),
  /** Every other end: its status, or `late` for a result that came too late. */
  wrong: z.record(z.string(), z.int()),
  p99Ms: z.number(),
})

/** What became of the calls of each priority. */
export const Outcome = z.object({
  critical: Sent,
  normal: Sent,
  sheddable: Sent,
  /** From the first call to the last answer, in seconds. */
  seconds: z.number(),
})
export type Outcome = z.output<typeof Outcome>

/** Sends a load to a server, from this process. */
export async function sendLoad(url: string, load: Load): Promise<Outcome> {
  const agent = new Agent({ keepAlive: true })
  const book = createBook()
  const startedAt = performance.now()
  let count = 0
  /** Its time runs from when it was due: a generator that lags behind hides nothing. */
  const call = async (dueAt: number) => {
    const priority = MIX[count++ % MIX.length] ?? 'normal'
    const answer = await callOnce(agent, `${url}/rpc/ledger.${priority}`)
    book.note(priority, answer, performance.now() - dueAt)
  }
  if (load.perSecond === undefined) {
    const worker = async () => {
      while (performance.now() < startedAt + load.ms) await call(performance.now())
    }
    await Promise.all(Array.from({ length: load.atOnce ?? 1 }, worker))
  } else await callAtTimes(load.perSecond, load.ms, (afterMs) => call(startedAt + afterMs))
  agent.destroy()
  return { ...book.sums(), seconds: (performance.now() - startedAt) / 1_000 }
}

/** Calls so often and for so long; resolves when the last one has ended. */
function callAtTimes(
  perSecond: number,
  ms: number,
  call: (afterMs: number) => Promise<void>,
): Promise<unknown> {
  const calls: Promise<void>[] = []
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = Math.min(performance.now() - startedAt, ms)
      const due = Math.floor((elapsedMs / 1_000) * perSecond)
      while (calls.length < due) calls.push(call((calls.length / perSecond) * 1_000))
      if (elapsedMs < ms) return
      clearInterval(timer)
      resolve(Promise.all(calls))
    }, TICK_MS)
  })
}

interface Answer {
  readonly status: number | string
  readonly retryAfter: string | undefined
}

function callOnce(agent: Agent, url: string): Promise<Answer> {
  return new Promise((resolve) => {
    const sent = request(url, { agent, headers: { 'x-deadline-ms': DEADLINE_MS } })
    sent.on('error', (error) => resolve({ status: error.message, retryAfter: undefined }))
    sent.on('response', (response) => {
      const { statusCode: status = 0, headers } = response
      response.resume().on('end', () => resolve({ status, retryAfter: headers['retry-after'] }))
    })
    sent.end()
  })
}

function createBook() {
  const page = () => ({ sent: 0, served: 0, refused: 0, wrong: new Map<string, number>() })
  const pages = { critical: page(), normal: page(), sheddable: page() }
  const times = { critical: [0], normal: [0], sheddable: [0] }
  return {
    note(priority: Priority, { status, retryAfter }: Answer, tookMs: number) {
      const own = pages[priority]
      own.sent++
      if (status === 200 && tookMs <= DEADLINE_MS) {
        own.served++
        times[priority].push(tookMs)
      } else if ((status === 503 || status === 429) && /^\d+$/.test(retryAfter ?? '')) own.refused++
      else {
        const name = status === 200 ? 'late' : String(status)
        own.wrong.set(name, (own.wrong.get(name) ?? 0) + 1)
      }
    },
    sums() {
      const sumOf = (priority: Priority) => {
        const { wrong, ...own } = pages[priority]
        const sorted = times[priority].toSorted((a, b) => a - b)
        const p99Ms = Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? 0)
        return { ...own, wrong: Object.fromEntries(wrong), p99Ms }
      }
      return {
        critical: sumOf('critical'),
        normal: sumOf('normal'),
        sheddable: sumOf('sheddable'),
      }
    },
  }
}
