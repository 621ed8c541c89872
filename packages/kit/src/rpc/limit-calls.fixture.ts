import { z } from 'zod'

import type { Principal } from '../resources.ts'
import { authorizationOf } from '../testing/test-identity.ts'
import { raw, type RawAnswer } from './raw-call.fixture.ts'

export interface LimitedCall {
  readonly as?: Principal
  /** What the proxy in front says about where the call comes from. */
  readonly address?: string
  readonly input?: unknown
  /** A batch that is answered call by call. */
  readonly stream?: boolean
}

export type LimitCalls = ReturnType<typeof createLimitCalls>

/** Calls of the procedures of `limited`, as they stand on the wire. */
export function createLimitCalls(url: string) {
  const at = (verb: string) => `${url}/rpc/limited.${verb}`
  return {
    read: (verb: string, call: LimitedCall = {}) => raw(at(verb), { headers: headersOf(call) }),
    write: (verb: string, call: LimitedCall) =>
      raw(at(verb), {
        method: 'POST',
        headers: { ...headersOf(call), 'content-type': 'application/json' },
        body: JSON.stringify({ json: call.input }),
      }),
    batch(verbs: readonly string[], call: LimitedCall = {}): Promise<RawAnswer> {
      const paths = verbs.map((verb) => `limited.${verb}`).join(',')
      return raw(`${url}/rpc/${paths}?batch=1&input={}`, { headers: headersOf(call) })
    },
  }
}

function headersOf({ as, address, stream = false }: LimitedCall): Record<string, string> {
  return {
    ...(as && { authorization: authorizationOf(as) }),
    ...(address !== undefined && { 'x-forwarded-for': address }),
    ...(stream && { 'trpc-accept': 'application/jsonl' }),
  }
}

const Batch = z.array(
  z.union([
    z.object({ result: z.object({ data: z.object({ json: z.string() }) }) }),
    z.object({ error: z.object({ json: z.object({ data: z.object({ reason: z.string() }) }) }) }),
  ]),
)

/** What became of each call of a batch: its result, or the reason of its refusal. */
export function outcomesOf({ text }: RawAnswer): string[] {
  return Batch.parse(JSON.parse(text)).map((answer) =>
    'result' in answer ? answer.result.data.json : answer.error.json.data.reason,
  )
}
