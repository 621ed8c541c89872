import { Agent, request } from 'node:http'

import { sleep, wire } from '@tautline/shared'

/** Longest pause of a client between two requests, in milliseconds. */
const PAUSE_MS = 10

/** What the clients saw. */
export interface Load {
  /** Skus of the items that were created for sure. */
  readonly created: string[]
  /** Lists that were read. */
  read: number
  /** A line for each request that was not answered with 200, in order. */
  readonly failures: string[]
  /** Requests that have no answer yet. */
  inFlight: number
  over: boolean
}

export const newLoad = (): Load => ({
  created: [],
  read: 0,
  failures: [],
  inFlight: 0,
  over: false,
})

export interface LoadTarget {
  readonly url: string
  readonly accessToken: string
}

/**
 * One client with one connection that it keeps: creates an item, reads a list, again and again
 * until the load is over. It retries nothing. A raw one, because a good client hides failures.
 */
export async function callAgainAndAgain(
  target: LoadTarget,
  load: Load,
  client: number,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let n = 0; !load.over; n++) {
    const sku = `${client}-${n}`
    const failure = await track(load, send(target, agent, n % 2 === 0 ? sku : undefined))
    if (failure !== undefined) load.failures.push(`${sku}: ${failure}`)
    else if (n % 2 === 0) load.created.push(sku)
    else load.read++
    await sleep(Math.random() * PAUSE_MS) // so that connections are idle now and then
  }
  agent.destroy()
}

async function track<T>(load: Load, answer: Promise<T>): Promise<T> {
  load.inFlight++
  try {
    return await answer
  } finally {
    load.inFlight--
  }
}

/** Posts a new item, or gets the list. Resolves to what went wrong, if anything did. */
function send(
  { url, accessToken }: LoadTarget,
  agent: Agent,
  sku: string | undefined,
): Promise<string | undefined> {
  const path = sku === undefined ? 'items.list' : 'items.create'
  const body = JSON.stringify(wire.input.serialize({ sku, name: 'Rope', priceMinor: 5n }))
  return new Promise((resolve) => {
    const fail = (error: Error) => resolve(error.message)
    const outgoing = request(`${url}/rpc/${path}`, {
      agent,
      method: sku === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    })
    outgoing.on('error', fail)
    outgoing.on('response', (response) => {
      response.on('error', fail)
      response.on('end', () =>
        resolve(response.statusCode === 200 ? undefined : `HTTP ${response.statusCode}`),
      )
      response.resume()
    })
    outgoing.end(sku === undefined ? undefined : body)
  })
}
