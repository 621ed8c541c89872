import type { AnyTRPCRouter } from '@trpc/server'

import { commonErrors, type ErrorDefinition } from '@tautline/shared'

import { checkLimits, type Limits } from '../policies/rate-limit/limits.ts'
import { MAX_BYTES_IN_READING } from './body-budget.ts'
import type { ProcedureMeta } from './definition.ts'
import { procedureMetas } from './metas.ts'
import { limitName, limitUses } from './plans.ts'
import type { AnyPolicy } from './policy.ts'

/** Longest that a call may take, in milliseconds; a stream may for as long as a timer can tell. */
const MAX_TIMEOUT_MS = { call: 3_600_000, stream: 2 ** 31 - 1 }

/** What a client's proxy takes for its own. */
const RESERVED = new Set(['query', 'mutate', 'subscribe', 'then'])

const NAME = /^[a-z][a-zA-Z0-9]*\.[a-z][a-zA-Z0-9]*$/

/**
 * Contradictions in what a backend declares, one sentence each: bad names, a policy that the
 * procedure's kind cannot keep, a limit that nobody has defined, one reason with two meanings.
 */
export function findContradictions(router: AnyTRPCRouter, limits: Limits): string[] {
  const metas = procedureMetas(router)
  return [
    ...limitMistakes('limits', limits),
    ...metas.flatMap(([path, meta]) => [
      ...nameMistakes(path),
      ...[
        ...policyMistakes(meta),
        ...rangeMistakes(meta),
        ...boundMistakes(meta),
        ...usedLimits(path, meta, limits),
        ...costMistakes(meta, limits),
      ].map((mistake) => `${path}: ${mistake}`),
    ]),
    ...clashes(metas),
  ]
}

function nameMistakes(path: string): string[] {
  const reserved = path.split('.').filter((name) => RESERVED.has(name))
  return [
    ...(NAME.test(path) ? [] : [`${path}: procedures are named noun.verb in camelCase`]),
    ...reserved.map((word) => `${path}: ${word} is a word of the client`),
  ]
}

/** Words that contradict each other, or the kind of the procedure. */
function policyMistakes({ kind, policy }: ProcedureMeta): string[] {
  const { allow, transaction, cache, idempotent, invalidates, fresh, cost, limit, streams } = policy
  const isWithout = transaction === 'none'
  const mistakes: [boolean, string][] = [
    [allow === undefined, 'policy.allow says who may call, always'],
    [
      fresh === true && allow === 'public',
      'policy.fresh asks about a caller, and a public procedure needs none',
    ],
    [transaction !== undefined && kind !== 'mutation', 'policy.transaction is for mutations'],
    [cache !== undefined && kind !== 'query', 'policy.cache is for queries'],
    [idempotent !== undefined && kind !== 'mutation', 'policy.idempotent is for mutations'],
    [invalidates !== undefined && kind !== 'mutation', 'policy.invalidates is for mutations'],
    [
      idempotent !== undefined && allow === 'public',
      'policy.idempotent needs a caller: keys of different callers must not meet',
    ],
    [
      idempotent !== undefined && isWithout,
      'policy.idempotent keeps the outcome in the transaction of the handler, and there is none',
    ],
    [
      invalidates !== undefined && isWithout,
      'policy.invalidates goes with the transaction of the handler; use ctx.cache.invalidate in ctx.transaction',
    ],
    [streams !== undefined && kind !== 'subscription', 'policy.streams is for subscriptions'],
    [cost !== undefined && limit === undefined, 'policy.cost is taken from policy.limit'],
  ]
  return mistakes.filter(([is]) => is).map(([, mistake]) => mistake)
}

/** Numbers that make no sense. */
function rangeMistakes({ policy }: ProcedureMeta): string[] {
  const { timeoutMs, maxBodyBytes, cost, cache, concurrency, queries, streams } = policy
  const positive: readonly (readonly [string, unknown])[] = [
    ['timeoutMs', timeoutMs],
    ['maxBodyBytes', maxBodyBytes],
    ['cost', typeof cost === 'function' ? undefined : cost],
    ['cache.ttlMs', cache?.ttlMs],
    ['concurrency.max', concurrency?.max],
    ['streams', streams],
    ['queries.max', queries?.max],
    ['queries.timeMs', queries?.timeMs],
  ]
  const whole: readonly (readonly [string, unknown])[] = [
    ['cache.staleMs', cache?.staleMs],
    ['concurrency.queue', concurrency?.queue],
  ]
  return [
    ...positive
      .filter(([, value]) => value !== undefined && !isWhole(value, 1))
      .map(([name]) => `policy.${name} must be a positive whole number`),
    ...whole
      .filter(([, value]) => value !== undefined && !isWhole(value, 0))
      .map(([name]) => `policy.${name} must be a whole number`),
  ]
}

/** Numbers that are more than can be kept. */
function boundMistakes({ kind, policy }: ProcedureMeta): string[] {
  const { timeoutMs = 0, maxBodyBytes = 0 } = policy
  const longestMs = kind === 'subscription' ? MAX_TIMEOUT_MS.stream : MAX_TIMEOUT_MS.call
  return [
    ...(timeoutMs > longestMs ? [`policy.timeoutMs is at most ${longestMs}`] : []),
    ...(maxBodyBytes > MAX_BYTES_IN_READING
      ? [`policy.maxBodyBytes is at most ${MAX_BYTES_IN_READING}, which all bodies share`]
      : []),
  ]
}

/** A call that no full bucket could pay for. */
function costMistakes({ policy }: ProcedureMeta, limits: Limits): string[] {
  const { cost } = policy
  if (typeof cost !== 'number') return []
  return limitUses(policy).flatMap((use) => {
    if (typeof use === 'string' && !Object.hasOwn(limits, use)) return []
    const rule = typeof use === 'string' ? limits[use] : use
    const burst = rule?.burst ?? rule?.amount ?? Infinity
    const name = typeof use === 'string' ? use : 'its own limit'
    return cost > burst ? [`policy.cost is more than ${name} ever admits, which is ${burst}`] : []
  })
}

function isWhole(value: unknown, min: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= min
}

export function usedLimits(
  path: string,
  { policy }: { policy: AnyPolicy },
  limits: Limits,
): string[] {
  const uses = limitUses(policy)
  const names = uses.map((use, index) => limitName(path, use, index))
  const twice = new Set(names.filter((name, index) => names.indexOf(name) < index))
  return [
    ...uses.flatMap((use, index) => {
      if (typeof use !== 'string') {
        return limitMistakes('policy.limit', { [limitName(path, use, index)]: use })
      }
      return Object.hasOwn(limits, use) ? [] : [`there is no limit ${use} in the app’s limits`]
    }),
    ...[...twice].map((name) => `policy.limit takes from ${name} twice`),
  ]
}

function limitMistakes(where: string, limits: Limits): string[] {
  try {
    checkLimits(limits)
    return []
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => `${where}: ${line}`)
  }
}

function clashes(metas: readonly (readonly [string, ProcedureMeta])[]): string[] {
  const known = new Map<string, ErrorDefinition>(Object.entries(commonErrors))
  const mistakes: string[] = []
  for (const [path, meta] of metas) {
    for (const definition of meta.errors) {
      const first = known.get(definition.reason) ?? definition
      known.set(definition.reason, first)
      if (first !== definition) {
        mistakes.push(`${path}: ${definition.reason} is defined twice; a reason has one meaning`)
      }
    }
  }
  return mistakes
}
