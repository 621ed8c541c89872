import { wire } from '@tautline/shared'

/** How a call is sent. */
export interface Sending {
  readonly token?: string | undefined
  /** What the proxy in front says about where it comes from. */
  readonly address?: string | undefined
  readonly key?: string | undefined
}

/** What became of the calls of one request. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** For each call `OK`, or the reason of its refusal. */
  readonly outcomes: readonly string[]
  readonly text: string
}

/** Sends one call, and nothing again. */
export function send(url: string, path: string, options: Sending & { input: unknown }) {
  return post(`${url}/rpc/${path}`, wire.input.serialize(options.input), options)
}

/** Sends the same call so many times in one request. */
export function sendBatch(
  url: string,
  path: string,
  options: Sending & { input: unknown; count: number },
) {
  const calls = Array.from({ length: options.count }, (_, index) => index)
  const input = wire.input.serialize(options.input)
  const inputs = Object.fromEntries(calls.map((index) => [index, input]))
  return post(`${url}/rpc/${calls.map(() => path).join(',')}?batch=1`, inputs, options)
}

/** Reads, without a body. */
export async function read(url: string, path: string, options: Sending & { input: unknown }) {
  const input = encodeURIComponent(JSON.stringify(wire.input.serialize(options.input)))
  const response = await fetch(`${url}/rpc/${path}?input=${input}`, { headers: headersOf(options) })
  return toAnswer(response)
}

async function post(url: string, body: unknown, sending: Sending): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headersOf(sending) },
    body: JSON.stringify(body),
  })
  return toAnswer(response)
}

function headersOf({ token, address, key }: Sending): Record<string, string> {
  return {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(address !== undefined && { 'x-forwarded-for': address }),
    ...(key !== undefined && { 'idempotency-key': key }),
  }
}

async function toAnswer(response: Response): Promise<Answer> {
  const text = await response.text()
  const ends = [...text.matchAll(/\{"result":|"reason":"(\w+)"/g)]
  const outcomes = ends.map(([, reason]) => reason ?? 'OK')
  return { status: response.status, headers: response.headers, outcomes, text }
}
