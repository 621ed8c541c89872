import { setTimeout as sleep } from 'node:timers/promises'

import { openSession } from '../faults/server-process.ts'
import type { MortalServers } from './mortal-servers.ts'

export interface Script {
  /** How many mutations there are, each under a key of its own. */
  readonly keys: number
  readonly procedure: 'apply' | 'applyCarelessly'
}

/** A call as its caller sees it in the end, however often it had to be sent. */
interface Answer {
  readonly status: number
  /** Without the id of the request, in which two answers may differ. */
  readonly body: string
  readonly isReplay: boolean
}

export interface ScriptReport {
  /** A line for each promise that was not kept. */
  readonly lies: readonly string[]
  /** Answers that were given before. */
  readonly replays: number
  /** Calls that got no answer, or were told to come again, and were sent once more. */
  readonly retries: number
}

/** Callers at work at the same time. */
const CALLERS = 12

/** Longest time in which a call must find an answer, in milliseconds. */
const PATIENCE_MS = 100_000

/** What a caller may be told for the moment. */
const COME_AGAIN = new Set([
  'KEY_IN_FLIGHT',
  'UNAVAILABLE',
  'CONTENTION',
  'OVERLOADED',
  'COMMIT_UNKNOWN',
])

/** One call of the script. One in ten is sent twice at once; one in seven is refused by its work. */
interface Mutation {
  readonly key: string
  readonly isRivalled: boolean
  readonly refuse: boolean
}

const mutationOf = (_: unknown, n: number): Mutation => ({
  key: `key-${n}`,
  isRivalled: n % 10 === 0,
  refuse: n % 7 === 3,
})

/**
 * Sends mutations to servers that are killed all the time, until each has its answer; then all of
 * them once more, to servers that stay, and some under the same keys by somebody else.
 */
export async function runKeyedScript(
  servers: MortalServers,
  { keys, procedure }: Script,
): Promise<ScriptReport> {
  const counts = { retries: 0, replays: 0 }
  const lies: string[] = []
  const mutations = Array.from({ length: keys }, mutationOf)
  const keepsKeys = procedure === 'apply'

  const send = async (mutation: Mutation, user = 'anna'): Promise<Answer> => {
    const giveUpAt = performance.now() + PATIENCE_MS
    while (performance.now() < giveUpAt) {
      const base = servers.urls[Math.floor(Math.random() * servers.urls.length)] ?? ''
      const answer = await sendOnce(`${base}/rpc/effects.${procedure}`, {
        mutation,
        user,
        keepsKeys,
      })
      if (answer) {
        if (answer.isReplay) counts.replays++
        return answer
      }
      counts.retries++
      await sleep(20 + Math.random() * 130) // others are to be faster at times
    }
    throw new Error(`${mutation.key}: no answer in ${PATIENCE_MS} ms`)
  }

  const first = new Map<string, Answer>()
  await forEach(mutations, async (mutation) => {
    const rivals = mutation.isRivalled ? [send(mutation), send(mutation)] : [send(mutation)]
    const [answer, other = answer] = await Promise.all(rivals)
    if (!answer || !other) return
    first.set(mutation.key, answer)
    if (other.body !== answer.body) lies.push(`${mutation.key}: two rivals, two answers`)
  })

  servers.calmDown()
  await forEach(mutations, async (mutation, n) => {
    const before = first.get(mutation.key)
    const again = await send(mutation)
    const isSame = again.status === before?.status && again.body === before.body
    if (!isSame) lies.push(`${mutation.key}: ${before?.body} first, ${again.body} later`)
    if (keepsKeys && !again.isReplay) lies.push(`${mutation.key}: is no replay`)
    if (n % 10 !== 0) return
    const others = await send(mutation, 'berta')
    if (others.body === before?.body) lies.push(`${mutation.key}: berta has anna's answer`)
  })

  const effects = await countEffects(servers.databaseUrl)
  mutations.forEach(({ key, refuse }, n) => {
    const expected = refuse && keepsKeys ? 0 : 1
    for (const user of n % 10 === 0 ? ['anna', 'berta'] : ['anna']) {
      const count = effects.get(`${user} ${key}`) ?? 0
      if (count !== expected)
        lies.push(`${key} of ${user}: ${count} effects instead of ${expected}`)
    }
  })
  return { lies, ...counts }
}

interface Sent {
  readonly mutation: Mutation
  readonly user: string
  readonly keepsKeys: boolean
}

/** The final answer, or undefined when the call is to be sent again. */
async function sendOnce(url: string, sent: Sent): Promise<Answer | undefined> {
  const { mutation, user, keepsKeys } = sent
  const { key, refuse, isRivalled } = mutation
  const input = { key, refuse: refuse && keepsKeys, napMs: isRivalled ? 20 : 0 }
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-user': user,
        ...(keepsKeys && { 'idempotency-key': key }),
      },
      body: JSON.stringify({ json: input }),
    })
    text = await response.text()
  } catch {
    return undefined // the server has ended
  }
  const reason = /"reason":"([A-Z_]+)"/.exec(text)?.[1]
  if (reason !== undefined && COME_AGAIN.has(reason)) return undefined
  if (response.status !== 200 && reason !== 'NOT_TODAY') throw new Error(`${key}: ${text}`)
  return {
    status: response.status,
    body: text.replace(/"requestId":"[^"]*"/, ''),
    isReplay: response.headers.get('idempotency-replayed') === 'true',
  }
}

/** A few at a time. */
async function forEach<T>(all: readonly T[], work: (one: T, n: number) => Promise<void>) {
  const rest = all.entries()
  const worker = async () => {
    for (const [n, one] of rest) await work(one, n)
  }
  await Promise.all(Array.from({ length: CALLERS }, worker))
}

/** How often each key of each caller was applied: `anna key-7`. */
async function countEffects(databaseUrl: string): Promise<Map<string, number>> {
  await using session = await openSession(databaseUrl)
  const { rows } = await session.client.query<{ name: string; count: number }>(
    `select caller || ' ' || key as name, count(*)::int as count from effect group by 1`,
  )
  return new Map(rows.map(({ name, count }) => [name, count]))
}
