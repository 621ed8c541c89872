import type { z } from 'zod'

import type { Fields } from './import-records.ts'
import { Item, NewItem } from './schema.ts'

/** What a row says: an item, or why it is none. */
export type CheckedRow =
  | { readonly item: z.output<typeof NewItem>; readonly problem?: undefined }
  | { readonly problem: string }

/** What an export tells beside: no part of a new item, and no mistake. */
export const EXPORTED_TOO: ReadonlySet<string> = new Set(
  Object.keys(Item.shape).filter((name) => !(name in NewItem.shape)),
)

/** The longest that is said of one row, in characters. */
const MAX_PROBLEM_LENGTH = 300

/** The longest name of an unknown field that is told back. */
const MAX_NAME_LENGTH = 40

/** A row as `items.create` would take it, with its numbers as text or not. */
export function checkRow(fields: Fields): CheckedRow {
  const parsed = NewItem.safeParse(toInput(fields))
  if (!parsed.success) return { problem: problemOf(parsed.error, fields) }
  const { data: item } = parsed
  const unkept = (['sku', 'name'] as const).find((name) => !isKeepable(item[name]))
  return unkept === undefined ? { item } : { problem: `${unkept}: has a character that is no text` }
}

const INTEGER = /^[+-]?\d{1,40}$/

function toInput(fields: Fields): Record<string, unknown> {
  const { quantity, priceMinor, ...rest } = fields
  const input: Record<string, unknown> = { ...rest }
  for (const name of EXPORTED_TOO) delete input[name]
  // An empty cell of a table says nothing; NewItem has a default for that.
  if (quantity !== undefined && quantity !== '') input.quantity = toNumber(quantity)
  if (priceMinor !== undefined && priceMinor !== '') input.priceMinor = toBigInt(priceMinor)
  return input
}

function toNumber(value: unknown): unknown {
  return typeof value === 'string' && INTEGER.test(value) ? Number(value) : value
}

function toBigInt(value: unknown): unknown {
  if (typeof value === 'string' && INTEGER.test(value)) return BigInt(value)
  // Beyond, JSON's number was another one than the file says.
  return Number.isSafeInteger(value) ? BigInt(Number(value)) : value
}

/** Postgres keeps no NUL, and UTF-8 has no half of a surrogate pair. */
function isKeepable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** In words, one part for each field: never what the row says. */
function problemOf({ issues }: z.ZodError, fields: Fields): string {
  const parts = issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') return `no such field: ${clip(issue.keys)}`
    const name = issue.path.join('.')
    return `${name}: ${explain(issue, fields[name])}`
  })
  return parts.join('; ').slice(0, MAX_PROBLEM_LENGTH)
}

function explain({ code, path, message }: z.core.$ZodIssue, value: unknown): string {
  if (code !== 'invalid_type') return message
  if (value === undefined || value === '') return 'is missing'
  if (path[0] !== 'quantity' && path[0] !== 'priceMinor') return 'is no text'
  return typeof value === 'number' && Number.isInteger(value)
    ? 'is too large for a number of JSON; write it as text'
    : 'is no whole number'
}

function clip(names: readonly string[]): string {
  const told = names.slice(0, 3).map((name) => name.slice(0, MAX_NAME_LENGTH))
  return told
    .join(', ')
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '?')
}
