import type { AnyTRPCRouter } from '@trpc/server'

import type { Metrics } from '../platform/metrics.ts'
import { createConcurrency, observeConcurrency } from '../policies/concurrency/concurrency.ts'
import type { LimitRule, Limits } from '../policies/rate-limit/limits.ts'
import type { Kind } from './definition.ts'
import { procedureMetas } from './metas.ts'
import type { AnyPolicy, LimitUse } from './policy.ts'

/** A limit and the name under which callers see it. */
export interface NamedLimit {
  readonly name: string
  readonly rule: LimitRule
}

type InTurn = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>

/** What a procedure's policy is while its backend runs. */
export interface Plan {
  readonly kind: Kind
  readonly policy: AnyPolicy
  readonly limits: readonly NamedLimit[]
  /** Path of the export of the same noun, for whoever asks for more than one answer holds. */
  readonly exportPath: string | undefined
  /** Runs `work` when the procedure's `concurrency` has room for it. Throws `OVERLOADED`. */
  readonly inTurn: InTurn
}

/** Plans by the path of their procedure. */
export type Plans = ReadonlyMap<string, Plan>

const atOnce: InTurn = (work) => work()

export interface PlanOptions {
  /** Those that the procedures name. */
  readonly limits: Limits
  /** Paths of exports, by their noun. */
  readonly exportPaths: ReadonlyMap<string, string>
}

/** The plans of all procedures. */
export function createPlans(
  router: AnyTRPCRouter,
  { limits, exportPaths }: PlanOptions,
  metrics: Metrics,
): Plans {
  const bulkheads = new Map(
    procedureMetas(router).flatMap(([path, { policy }]) =>
      policy.concurrency ? [[path, createConcurrency(policy.concurrency)] as const] : [],
    ),
  )
  observeConcurrency(bulkheads.values(), metrics)
  return new Map(
    procedureMetas(router).map(([path, { kind, policy }]) => {
      const inTurn = bulkheads.get(path)?.run ?? atOnce
      const [noun = ''] = path.split('.')
      const exportPath = exportPaths.get(noun)
      return [path, { kind, policy, limits: limitsOf(path, policy, limits), exportPath, inTurn }]
    }),
  )
}

/** The limits that a policy names, and its own. */
export function limitsOf(path: string, policy: AnyPolicy, limits: Limits): NamedLimit[] {
  return limitUses(policy).map((use, index) => {
    const name = limitName(path, use, index)
    const rule = typeof use === 'string' ? limits[use] : use
    if (!rule) throw new Error(`${path}: there is no limit ${name}.`)
    return { name, rule }
  })
}

/** One of the procedure's own has its name. */
export function limitName(path: string, use: LimitUse, index: number): string {
  if (typeof use === 'string') return use
  return `${path.replaceAll('.', '_')}${index === 0 ? '' : `_${index + 1}`}`
}

export function limitUses({ limit = [] }: AnyPolicy): readonly LimitUse[] {
  return isList(limit) ? limit : [limit]
}

/** `Array.isArray` does not know lists that are read-only. */
function isList(limit: LimitUse | readonly LimitUse[]): limit is readonly LimitUse[] {
  return Array.isArray(limit)
}
