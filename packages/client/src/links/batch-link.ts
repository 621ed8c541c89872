import {
  httpBatchLink,
  httpLink,
  splitLink,
  type HTTPHeaders,
  type Operation,
  type TRPCLink,
} from '@trpc/client'
import type { AnyTRPCRouter } from '@trpc/server'

import { wire } from '@tautline/shared'

import { beforeSending } from './link-error.ts'
import { tellingFetch } from './telling-fetch.ts'

/** The server refuses more calls in one request. */
const MAX_ITEMS = 20

/** Longest URL of a batch of queries; proxies cut off at 8 KB and more. */
const MAX_URL_LENGTH = 8_000

/** A longer input, in characters of JSON, is posted: percent-encoding may triple it in a URL. */
const MAX_GET_INPUT = 2_000

export interface BatchLinkOptions {
  readonly url: string
  /** Asked for before each request, with the calls that are in it. */
  readonly headers: (operations: readonly Operation[]) => Promise<HTTPHeaders>
  readonly fetch: typeof fetch | undefined
  /** Whether cookies go along to another origin. Default: as `fetch` does. */
  readonly credentials: RequestCredentials | undefined
}

const serialize = (input: unknown) => beforeSending(() => wire.input.serialize(input))

const transformer = { ...wire, input: { ...wire.input, serialize } }

/**
 * Sends the queries of one tick in one request, by GET, or by POST where the input is too long for a
 * URL. A mutation travels alone: a slow one holds up no other, and its body has its own limit.
 */
export function batchLink(options: BatchLinkOptions): TRPCLink<AnyTRPCRouter> {
  const { url, headers, fetch, credentials } = options
  const shared = { url, transformer, fetch: tellingFetch(fetch, credentials) }
  const batch = {
    ...shared,
    headers: ({ opList }: { opList: readonly Operation[] }) => headers(opList),
    maxItems: MAX_ITEMS,
  }
  return splitLink({
    condition: ({ type }) => type === 'mutation',
    true: httpLink<AnyTRPCRouter>({ ...shared, headers: ({ op }) => headers([op]) }),
    false: splitLink({
      condition: isLongQuery,
      true: httpBatchLink<AnyTRPCRouter>({ ...batch, methodOverride: 'POST' }),
      false: httpBatchLink<AnyTRPCRouter>({ ...batch, maxURLLength: MAX_URL_LENGTH }),
    }),
  })
}

function isLongQuery({ input }: Operation): boolean {
  if (input === undefined) return false
  return JSON.stringify(serialize(input)).length > MAX_GET_INPUT
}
