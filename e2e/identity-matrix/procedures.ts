import { z } from 'zod'

import { app } from '@tautline/server/app'

import type { Door } from './identities.ts'

/** A procedure as the router has it. */
export interface Procedure {
  readonly path: string
  readonly kind: 'query' | 'mutation' | 'subscription'
  readonly door: Door
  /** A call without an idempotency key is refused. */
  readonly needsKey: boolean
}

const Meta = z.object({
  kind: z.enum(['query', 'mutation', 'subscription']),
  policy: z.object({
    allow: z.unknown(),
    fresh: z.boolean().optional(),
    idempotent: z.string().optional(),
  }),
})

/** The doors of the matrix, as a policy declares them. */
const doors: Readonly<Record<string, Door>> = {
  '"public"': 'public',
  '"user"': 'user',
  '"user", fresh': 'user, fresh',
  '{"role":"admin"}': 'role admin',
  '{"role":"admin"}, fresh': 'role admin, fresh',
  '{"scope":"items:import"}': 'scope items:import',
  '{"scope":"accounts:transfer"}': 'scope accounts:transfer',
}

/** All that can be called. Throws for a policy of which the tables of the matrix say nothing. */
export function walkRouter(): Procedure[] {
  const procedures: Readonly<Record<string, unknown>> = app.router._def.procedures
  return Object.entries(procedures).map(([path, procedure]) => {
    const { kind, policy } = Meta.parse(metaOf(procedure))
    const declared = JSON.stringify(policy.allow) + (policy.fresh ? ', fresh' : '')
    const door = doors[declared]
    if (!door) throw new Error(`The matrix has no column for ${path}, which allows ${declared}.`)
    return { path, kind, door, needsKey: policy.idempotent === 'required' }
  })
}

function metaOf(procedure: unknown): unknown {
  if (typeof procedure !== 'function' || !('_def' in procedure)) return undefined
  const { _def: definition } = procedure
  return typeof definition === 'object' && definition !== null && 'meta' in definition
    ? definition.meta
    : undefined
}
