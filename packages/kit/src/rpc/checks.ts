import type { AnyTRPCRouter } from '@trpc/server'

import { commonErrors, type ErrorDefinition } from '@tautline/shared'

import type { ProcedureMeta } from './definition.ts'
import { procedureMetas } from './metas.ts'

/** What a client's proxy takes for its own. */
const RESERVED = new Set(['query', 'mutate', 'subscribe', 'then'])

const NAME = /^[a-z][a-zA-Z0-9]*\.[a-z][a-zA-Z0-9]*$/

/**
 * Contradictions in what the procedures of a backend declare, one sentence each: bad names, a
 * policy that the procedure's kind cannot keep, one reason with two meanings.
 */
export function findContradictions(router: AnyTRPCRouter): string[] {
  const metas = procedureMetas(router)
  return [...metas.flatMap(([path, meta]) => policyMistakes(path, meta)), ...clashes(metas)]
}

function policyMistakes(path: string, { kind, policy }: ProcedureMeta): string[] {
  const mistakes: string[] = []
  if (!NAME.test(path)) mistakes.push(`${path}: procedures are named noun.verb in camelCase`)
  for (const word of path.split('.').filter((name) => RESERVED.has(name))) {
    mistakes.push(`${path}: ${word} is a word of the client`)
  }
  if (policy.allow === undefined) mistakes.push(`${path}: policy.allow says who may call, always`)
  if (policy.fresh && policy.allow === 'public') {
    mistakes.push(`${path}: policy.fresh asks about a caller, and a public procedure needs none`)
  }
  if (policy.transaction !== undefined && kind !== 'mutation') {
    mistakes.push(`${path}: policy.transaction is for mutations`)
  }
  for (const [name, value] of [
    ['timeoutMs', policy.timeoutMs],
    ['maxBodyBytes', policy.maxBodyBytes],
  ] as const) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      mistakes.push(`${path}: policy.${name} must be a positive whole number`)
    }
  }
  return mistakes
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
