import type { Limits } from '../policies/rate-limit/limits.ts'
import { usedLimits } from '../rpc/checks.ts'
import type { FilesDefinition, TransferPolicy } from './definition.ts'

/** Contradictions in what features say about files, one sentence each. */
export function findFileContradictions(
  features: readonly { readonly files?: FilesDefinition }[],
  limits: Limits,
): string[] {
  const [first, ...others] = features.flatMap(({ files }) => files ?? [])
  if (!first) return []
  const { rules, upload, download } = first
  return [
    ...(others.length > 0 ? ['files: two features keep files'] : []),
    ...notPositive('files', rules),
    ...(rules.maxBytes > rules.quotaBytes
      ? ['files: maxBytes is more than quotaBytes lets anybody keep']
      : []),
    ...transferMistakes('files.upload', upload, limits),
    ...transferMistakes('files.download', download, limits),
  ]
}

function transferMistakes(where: string, policy: TransferPolicy, limits: Limits): string[] {
  const { stallTimeoutMs, slowTimeoutMs, max, maxPerOwner } = policy
  return [
    ...notPositive(where, { stallTimeoutMs, slowTimeoutMs, max, maxPerOwner }),
    ...usedLimits(where, { policy }, limits).map((mistake) => `${where}: ${mistake}`),
  ]
}

function notPositive(where: string, values: object): string[] {
  return Object.entries(values)
    .filter(([, value]) => !(Number.isSafeInteger(value) && Number(value) >= 1))
    .map(([name]) => `${where}: ${name} must be a positive whole number`)
}
