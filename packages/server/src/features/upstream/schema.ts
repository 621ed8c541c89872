import { z } from 'zod'

import { upstreamErrors } from '@tautline/kit'

/** URLs of one `upstream.fetchMany`. */
const MAX_URLS = 100

/** Sources of one `upstream.merge`. */
const SOURCES = 3

const Url = z.string().min(1).max(2_000)

const UpstreamFailure = z.object({
  ok: z.literal(false),
  reason: z.enum(upstreamErrors.map(({ reason }) => reason)),
  /** Whether the same may work later. */
  retryable: z.boolean(),
  /** What the other service answered with, where it did: never 2xx. */
  status: z.int().optional(),
})

export const FetchManyInput = z.strictObject({ urls: z.array(Url).min(1).max(MAX_URLS) })

export const FetchManyOutput = z.object({
  /** One for each URL of the input, in its order. */
  results: z.array(
    z.discriminatedUnion('ok', [
      z.object({
        ok: z.literal(true),
        status: z.int(),
        contentType: z.string().nullable(),
        text: z.string(),
      }),
      UpstreamFailure,
    ]),
  ),
})

export const MergeInput = z.strictObject({
  sources: z
    .array(z.strictObject({ name: z.string().regex(/^[a-z][a-z\d_]{0,31}$/), url: Url }))
    .length(SOURCES)
    .refine(
      (sources) => new Set(sources.map(({ name }) => name)).size === sources.length,
      'Each source has a name of its own.',
    ),
})

export const MergeOutput = z.object({
  /** Whether all sources have answered. */
  complete: z.boolean(),
  /** The JSON of those that have, by their names. */
  merged: z.record(z.string(), z.json()),
  /** What became of the others. */
  failed: z.array(UpstreamFailure.extend({ name: z.string() })),
})
