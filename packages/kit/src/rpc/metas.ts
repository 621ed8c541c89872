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

/** Every procedure of a router with its declaration. Throws for one that has none. */
export function procedureMetas(router: AnyTRPCRouter): [path: string, meta: ProcedureMeta][] {
  const procedures: Record<string, { _def: { meta: unknown } }> = router._def.procedures
  return Object.entries(procedures).map(([path, procedure]) => {
    const { meta } = procedure._def
    if (isOurs(meta)) return [path, meta]
    throw new Error(`${path} was not made by query, mutation or subscription: it has no policy.`)
  })
}
