import type { Limits } from '../policies/rate-limit/limits.ts'
import { usedLimits } from '../rpc/checks.ts'
import type { ExportDefinition, Exports } from './definition.ts'

const NAME = /^[a-z][a-z0-9-]*$/i

/** Contradictions in the exports of features, one sentence each. */
export function findExportContradictions(
  features: readonly { readonly exports?: Exports }[],
  limits: Limits,
): string[] {
  const all = features.flatMap(({ exports = {} }) => Object.entries(exports))
  const names = all.map(([name]) => name)
  const twice = new Set(names.filter((name, index) => names.indexOf(name) < index))
  return [
    ...[...twice].map((name) => `exports.${name}: two features export under this name`),
    ...all.flatMap(([name, definition]) =>
      [
        ...(NAME.test(name) ? [] : ['a name of letters, digits and - is part of its path']),
        ...positionMistakes(definition),
        ...policyMistakes(definition),
        ...usedLimits(`exports.${name}`, definition, limits),
      ].map((mistake) => `exports.${name}: ${mistake}`),
    ),
  ]
}

function positionMistakes({ columns, position }: ExportDefinition): string[] {
  const keys = Object.keys(position)
  return [
    ...(keys.length > 0 ? [] : ['position names the columns that the rows are ordered by']),
    ...keys
      .filter((key) => !columns.includes(key))
      .map((key) => `position names ${key}, which is none of its columns`),
  ]
}

function policyMistakes({ policy, rowsAtOnce = 1 }: ExportDefinition): string[] {
  const { allow, fresh, stallTimeoutMs = 1 } = policy
  const mistakes: [boolean, string][] = [
    [allow === undefined, 'policy.allow says who may read it, always'],
    [
      fresh === true && allow === 'public',
      'policy.fresh asks about a caller, and a public export needs none',
    ],
    [!isPositive(stallTimeoutMs), 'policy.stallTimeoutMs must be a positive whole number'],
    [!isPositive(rowsAtOnce), 'rowsAtOnce must be a positive whole number'],
  ]
  return mistakes.filter(([is]) => is).map(([, mistake]) => mistake)
}

function isPositive(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1
}
