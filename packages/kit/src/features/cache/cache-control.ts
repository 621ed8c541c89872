import { z } from 'zod'

import { mutation } from '../../rpc/define.ts'

const purge = mutation({
  summary: 'Makes what is cached under these tags invalid, or without tags all of it.',
  input: z
    .strictObject({ tags: z.array(z.string().min(1).max(200)).min(1).max(100).optional() })
    .default({}),
  output: z.void(),
  policy: { allow: { role: 'admin' } },
  async run({ ctx, input: { tags } }) {
    if (tags) await ctx.cache.invalidate(tags)
    else await ctx.cache.purge()
  },
})

/** The feature `cache`: what an operator does about answers that are kept. */
export const cacheControl = { router: { purge } }
