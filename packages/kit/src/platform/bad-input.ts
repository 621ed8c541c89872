import type { z } from 'zod'

import { commonErrors, Failure, type Issue } from '@tautline/shared'

/** Issues listed at most; one bad bulk call must not become a large answer. */
const MAX_ISSUES = 20

/** The longest name of an unknown field that is told back. */
const MAX_KEY_LENGTH = 64

/** What a schema has said against an input. */
export function refusedBy({ issues }: z.core.$ZodError): Failure {
  return badInput(issues.slice(0, MAX_ISSUES).map(toIssue))
}

export function badInput(issues: readonly Issue[]): Failure {
  return new Failure(commonErrors.BAD_INPUT, { issues })
}

function toIssue(issue: z.core.$ZodIssue): Issue {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : clip(String(part))))
  if (issue.code === 'unrecognized_keys') {
    const message = `There is no such field: ${issue.keys.slice(0, 3).map(clip).join(', ')}`
    return { path, code: issue.code, message }
  }
  // A custom message is the schema author's; zod's own name types and bounds, never the value,
  // except for a pattern's source, which is no help to a caller.
  const message = issue.code === 'invalid_format' ? `Invalid ${issue.format}` : issue.message
  return { path, code: issue.code, message }
}

function clip(key: string): string {
  return key.length > MAX_KEY_LENGTH ? `${key.slice(0, MAX_KEY_LENGTH)}…` : key
}
