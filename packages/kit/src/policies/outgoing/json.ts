import { Failure } from '@tautline/shared'

import { UPSTREAM_INVALID } from './failures.ts'

/** Depth of what is taken in; schemas and encoders walk it by recursion, and the stack has an end. */
const MAX_DEPTH = 100

/** The JSON of a body; `UPSTREAM_INVALID` for what is none, is not UTF-8, or is nested too deep. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (isDeep(value)) throw new Error(`The JSON is deeper than ${MAX_DEPTH}.`)
    return value
  } catch (error) {
    throw new Failure(UPSTREAM_INVALID, { cause: error })
  }
}

/** Level by level, so that the depth of what it looks at is not the depth of its own stack. */
function isDeep(value: unknown): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    level = level.flatMap((item): unknown[] =>
      typeof item === 'object' && item !== null ? Object.values(item) : [],
    )
    if (level.length === 0) return false
  }
  return true
}
