import {
  httpBatchLink,
  splitLink,
  type HTTPHeaders,
  type Operation,
  type TRPCLink,
} from '@trpc/client'
import type { AnyTRPCRouter } from '@trpc/server'

import { wire } from '@tautline/shared'

/** The server refuses more calls in one request. */
const MAX_ITEMS = 20

/** Longest URL of a batch of queries; proxies cut off at 8 KB and more. */
const MAX_URL_LENGTH = 8_000

/** A longer input, in characters of JSON, is posted: percent-encoding may triple it in a URL. */
const MAX_GET_INPUT = 2_000

export interface BatchLinkOptions {
  readonly url: string
  readonly headers: () => Promise<HTTPHeaders>
  readonly fetch: typeof fetch | undefined
}

/**
 * Sends the calls of one tick in one request: queries by GET, or by POST where the input is too
 * long for a URL, mutations by POST.
 */
export function batchLink(options: BatchLinkOptions): TRPCLink<AnyTRPCRouter> {
  const { url, headers, fetch } = options
  const shared = {
    url,
    headers,
    transformer: wire,
    maxItems: MAX_ITEMS,
    ...(fetch && { fetch: toLinkFetch(fetch) }),
  }
  return splitLink({
    condition: isLongQuery,
    true: httpBatchLink<AnyTRPCRouter>({ ...shared, methodOverride: 'POST' }),
    false: httpBatchLink<AnyTRPCRouter>({ ...shared, maxURLLength: MAX_URL_LENGTH }),
  })
}

/** The links describe their requests by types of their own, which are narrower than `fetch` takes. */
function toLinkFetch(own: typeof fetch) {
  return (url: string | URL | Request, init?: object) => own(url, init)
}

function isLongQuery({ type, input }: Operation): boolean {
  if (type !== 'query' || input === undefined) return false
  return JSON.stringify(wire.input.serialize(input)).length > MAX_GET_INPUT
}
