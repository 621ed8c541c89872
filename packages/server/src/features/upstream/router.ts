import { z } from 'zod'

import { fanOut, mutation, query } from '@tautline/kit'

import { tell } from './outcomes.ts'
import { FetchManyInput, FetchManyOutput, MergeInput, MergeOutput } from './schema.ts'

/** URLs that are fetched at the same time. */
const AT_ONCE = 10

/** Longest for one of them, in milliseconds: a hundred, ten at once, are done within the call. */
const FETCH_TIMEOUT_MS = 2_500

/** Largest text of one of them, in bytes. */
const MAX_TEXT_BYTES = 100_000

/** A mutation, because a hundred URLs do not fit into a GET, and because others work for it. */
const fetchMany = mutation({
  summary:
    'Fetches up to 100 URLs, ten at once; each is answered with its text or a typed failure.',
  input: FetchManyInput,
  output: FetchManyOutput,
  policy: {
    allow: 'user',
    limit: 'outgoing',
    cost: ({ urls }) => urls.length,
    priority: 'sheddable',
    concurrency: { max: 4, queue: 4 },
    transaction: 'none',
    timeoutMs: 30_000,
    maxBodyBytes: 250_000,
  },
  async run({ ctx, input }) {
    const limits = { timeoutMs: FETCH_TIMEOUT_MS, maxBytes: MAX_TEXT_BYTES }
    const jobs = input.urls.map((url) => async (signal: AbortSignal) => {
      const { status, headers, bytes } = await ctx.outgoing.fetch(url, { ...limits, signal })
      const contentType = headers['content-type'] ?? null
      return { ok: true as const, status, contentType, text: new TextDecoder().decode(bytes) }
    })
    const outcomes = await fanOut(jobs, { mode: 'settle', limit: AT_ONCE, signal: ctx.signal })
    return { results: outcomes.map((outcome) => (outcome.ok ? outcome.value : tell(outcome))) }
  },
})

/** Longest for one source, in milliseconds. */
const SOURCE_TIMEOUT_MS = 5_000

/** Largest JSON of one source, in bytes. */
const MAX_SOURCE_BYTES = 1_000_000

const merge = query({
  summary: 'Merges three JSON sources; those that do not answer are told, and the others come.',
  input: MergeInput,
  output: MergeOutput,
  policy: {
    allow: 'user',
    limit: 'outgoing',
    cost: 3,
    priority: 'sheddable',
    concurrency: { max: 4, queue: 4 },
    timeoutMs: 10_000,
  },
  async run({ ctx, input: { sources } }) {
    const limits = { timeoutMs: SOURCE_TIMEOUT_MS, maxBytes: MAX_SOURCE_BYTES }
    const jobs = sources.map(
      ({ url }) =>
        (signal: AbortSignal) =>
          ctx.outgoing.json(url, z.json(), { ...limits, signal }),
    )
    const outcomes = await fanOut(jobs, { mode: 'settle', limit: jobs.length, signal: ctx.signal })
    const named = sources.map(({ name }, index) => ({ name, outcome: outcomes[index] }))
    const merged = Object.fromEntries(
      named.flatMap(({ name, outcome }) => (outcome?.ok ? [[name, outcome.value] as const] : [])),
    )
    const failed = named.flatMap(({ name, outcome }) =>
      outcome && !outcome.ok ? [{ name, ...tell(outcome) }] : [],
    )
    return { complete: failed.length === 0, merged, failed }
  },
})

export const upstreamRouter = { fetchMany, merge }
