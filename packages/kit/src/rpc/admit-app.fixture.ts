import { z } from 'zod'

import { defineApp } from '../app-definition.ts'
import { orAborted } from '../platform/abort.ts'
import { mutation, query, subscription } from './define.ts'
import type { QueryPolicy } from './policy.ts'

/** Where calls stay until a test lets them go. */
export interface Room {
  readonly inside: number
  /** How many were inside at the same time, at the most. */
  readonly mostInside: number
  /** Lets one go, or all who are there and who come after. */
  letOneGo(): void
  letAllGo(): void
}

function createRoom() {
  const waiting = new Set<() => void>()
  let isOpen = false
  let mostInside = 0
  const room: Room = {
    get inside() {
      return waiting.size
    },
    get mostInside() {
      return mostInside
    },
    letOneGo() {
      for (const leave of waiting) return leave()
    },
    letAllGo() {
      isOpen = true
      for (const leave of waiting) leave()
    },
  }
  function stay(signal: AbortSignal): Promise<'done'> {
    if (isOpen) return Promise.resolve('done')
    let leave = () => {}
    const stayed = new Promise<'done'>((resolve) => {
      leave = () => {
        waiting.delete(leave)
        resolve('done')
      }
    })
    waiting.add(leave)
    mostInside = Math.max(mostInside, waiting.size)
    return orAborted(stayed, signal).finally(leave)
  }
  return { room, stay }
}

/** A backend whose calls stay as long as a test likes, and what tells that test of them. */
export function createAdmitApp() {
  const { room, stay } = createRoom()
  const staying = (policy: QueryPolicy<'public'>) =>
    query({
      summary: 'Stays in the room.',
      output: z.literal('done'),
      policy,
      run: ({ ctx }) => stay(ctx.signal),
    })
  const router = {
    critical: staying({ allow: 'public', priority: 'critical' }),
    normal: staying({ allow: 'public' }),
    sheddable: staying({ allow: 'public', priority: 'sheddable' }),
    hasty: staying({ allow: 'public', timeoutMs: 800 }),
    lonely: staying({ allow: 'public', concurrency: { max: 1, queue: 1 } }),
    narrow: staying({ allow: 'public', concurrency: { max: 4, queue: 0 } }),

    post: mutation({
      summary: 'Stays in the room, with a body.',
      input: z.strictObject({ text: z.string() }),
      output: z.literal('done'),
      policy: { allow: 'public', transaction: 'none' },
      run: ({ ctx }) => stay(ctx.signal),
    }),

    crash: query({
      summary: 'Fails by a mistake of its own.',
      output: z.void(),
      policy: { allow: 'public' },
      async run() {
        throw new Error('A mistake.')
      },
    }),

    stream: subscription({
      summary: 'Greets, and then stays until its caller leaves.',
      output: z.literal('hello'),
      policy: { allow: 'public' },
      async *run({ ctx }) {
        yield 'hello' as const
        await stay(ctx.signal)
      },
    }),
  }
  const app = defineApp({
    name: 'admit',
    version: '1.2.3',
    features: { room: { router } },
    identity: () => null,
    migrations: new URL('./no-migrations.fixture/', import.meta.url),
  })
  return { app, room }
}
