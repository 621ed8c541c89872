import { setTimeout as delay } from 'node:timers/promises'

import { z } from 'zod'

import { defineApp } from './app-definition.ts'
import { query } from './rpc/define.ts'

const nap = query({
  summary: 'Takes its time, and gives up when its signal says so.',
  input: z.strictObject({ ms: z.int() }),
  output: z.literal('rested'),
  policy: { allow: 'public', timeoutMs: 60_000 },
  async run({ ctx, input }) {
    await delay(input.ms, undefined, { signal: ctx.signal })
    return 'rested' as const
  },
})

/** A backend whose one procedure can be made slow. */
export const slowApp = defineApp({
  name: 'slow',
  version: '1.2.3',
  features: { bed: { router: { nap } } },
  identity: () => null,
  migrations: new URL('./rpc/no-migrations.fixture/', import.meta.url),
})
