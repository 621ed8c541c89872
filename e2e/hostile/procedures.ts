import { z } from 'zod'

import { app } from '@tautline/server/app'

/** What the generator knows of a procedure: what its definition says. */
export interface Procedure {
  readonly path: string
  readonly kind: 'query' | 'mutation' | 'subscription'
  readonly input: z.core.$ZodType
  /** Whom it asks for: nobody, anybody who has signed in, or more than that. */
  readonly allow: 'public' | 'user' | 'more'
  /** Does slow work outside its transaction, such as hashing a password. */
  readonly slow: boolean
  /** A call without an idempotency key is refused before its handler. */
  readonly needsKey: boolean
  /** Reasons that only its handler gives. */
  readonly declared: ReadonlySet<string>
}

const Definition = z.object({
  inputs: z.tuple([z.custom<z.core.$ZodType>(isSchema)]),
  meta: z.object({
    kind: z.enum(['query', 'mutation', 'subscription']),
    policy: z.object({
      allow: z.unknown(),
      transaction: z.string().optional(),
      idempotent: z.string().optional(),
    }),
    errors: z.array(z.object({ reason: z.string() })),
  }),
})

function isSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '_zod' in value
}

/** Every procedure of the reference backend. */
export function readProcedures(): readonly Procedure[] {
  const procedures: Readonly<Record<string, unknown>> = app.router._def.procedures
  return Object.entries(procedures).map(([path, procedure]) => {
    if (typeof procedure !== 'function' || !('_def' in procedure)) {
      throw new Error(`${path} is no procedure.`)
    }
    const { inputs, meta } = Definition.parse(procedure._def)
    const { allow, transaction, idempotent } = meta.policy
    return {
      path,
      kind: meta.kind,
      input: inputs[0],
      allow: allow === 'public' || allow === 'user' ? allow : 'more',
      slow: transaction === 'none',
      needsKey: idempotent === 'required',
      declared: new Set(meta.errors.map(({ reason }) => reason)),
    }
  })
}
