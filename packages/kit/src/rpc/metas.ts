import type { AnyTRPCRouter } from '@trpc/server'

import type { ProcedureMeta } from './definition.ts'

function isOurs(meta: unknown): meta is ProcedureMeta {
  return (
    typeof meta === 'object' &&
    meta !== null &&
    'definedBy' in meta &&
    meta.definedBy === 'tautline'
  )
}

function metaOf(procedure: unknown): unknown {
  if (typeof procedure !== 'function' || !('_def' in procedure)) return undefined
  const definition: unknown = procedure._def
  if (typeof definition !== 'object' || definition === null) return undefined
  return 'meta' in definition ? definition.meta : undefined
}

/** Every procedure of a router with its declaration. Throws for one that has none. */
export function procedureMetas(router: AnyTRPCRouter): [path: string, meta: ProcedureMeta][] {
  // oxlint-disable-next-line typescript/no-unsafe-assignment -- of any router nothing is known
  const procedures: Record<string, unknown> = router._def.procedures
  return Object.entries(procedures).map(([path, procedure]) => {
    const meta = metaOf(procedure)
    if (isOurs(meta)) return [path, meta]
    throw new Error(`${path} was not made by query, mutation or subscription: it has no policy.`)
  })
}
