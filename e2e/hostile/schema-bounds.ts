import type { z } from 'zod'

/** What the checks of a schema say about its values, as far as a generator can make use of it. */
export interface Bounds {
  /** Of a number, or of the length of text and lists. */
  readonly min?: number | bigint
  readonly max?: number | bigint
  /** `uuid`, `email`, `safeint`. */
  readonly format?: string
  readonly pattern?: RegExp
}

interface Checked {
  readonly checks?: readonly z.core.$ZodCheck<never>[] | undefined
  readonly format?: string
}

/** Reads the checks of a schema. Those that it does not know are left to the schema itself. */
export function boundsOf({ checks = [], format }: Checked): Bounds {
  const own: Bounds = format === undefined ? {} : { format }
  return checks.reduce((bounds, check) => ({ ...bounds, ...boundsOfCheck(check) }), own)
}

function boundsOfCheck(check: z.core.$ZodCheck<never>): Bounds {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- $ZodChecks is the union of all checks
  const { def } = (check as unknown as z.core.$ZodChecks)._zod
  switch (def.check) {
    case 'min_length':
      return { min: def.minimum }
    case 'max_length':
      return { max: def.maximum }
    case 'length_equals':
      return { min: def.length, max: def.length }
    case 'greater_than':
      return isNumber(def.value) ? { min: def.value } : {}
    case 'less_than':
      return isNumber(def.value) ? { max: def.value } : {}
    case 'number_format':
      return { format: def.format }
    case 'string_format':
      return { format: def.format, ...(def.pattern && { pattern: def.pattern }) }
    default:
      return {}
  }
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}
