import { monitorEventLoopDelay } from 'node:perf_hooks'

import { z } from 'zod'

import { defineApp, mutation } from '@tautline/kit'
import { app as reference } from '@tautline/server/app'

/** Notes every millisecond by how much a timer came late. */
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()

const loop = {
  router: {
    longestBlock: mutation({
      summary: 'Longest block of the event loop since the last call, in milliseconds.',
      output: z.number(),
      policy: { allow: 'public', transaction: 'none' },
      async run() {
        const longestMs = delay.max / 1e6
        delay.reset()
        return longestMs
      },
    }),
  },
}

/** The reference backend, which can also be asked how long it kept others waiting. */
export const app = defineApp({ ...reference, features: { ...reference.features, loop } })

export type BenchRouter = typeof app.router
