/** What a column holds, as the catalog says it; a domain counts as the type beneath it. */
export interface ColumnKind {
  /**
   * Postgres's own name of the type, such as `int4`, or of the elements of an array; empty for a
   * type that did not come with Postgres.
   */
  readonly type: string
  readonly isArray: boolean
  /** The values of an enum. */
  readonly labels: readonly string[] | null
}

/** How TypeScript sees a column: as it is read, and as it is written. */
export interface ColumnTypes {
  readonly read: string
  readonly write: string
}

const INTERVAL = `{ years?: number; months?: number; days?: number; hours?: number; minutes?: number; seconds?: number; milliseconds?: number; toPostgres(): string }`

/**
 * What our pool reads; every other type is read as Postgres writes it, as text. numeric is text too,
 * because a number would lose digits.
 */
const READ: Readonly<Record<string, string>> = {
  bool: 'boolean',
  int2: 'number',
  int4: 'number',
  oid: 'number',
  float4: 'number',
  float8: 'number',
  int8: 'bigint',
  date: 'Date',
  timestamp: 'Date',
  timestamptz: 'Date',
  bytea: 'Buffer',
  json: 'unknown',
  jsonb: 'unknown',
  interval: INTERVAL,
  point: '{ x: number; y: number }',
  circle: '{ x: number; y: number; radius: number }',
}

/** What is written otherwise than it is read. */
const WRITE: Readonly<Record<string, string>> = {
  date: 'Date | string',
  timestamp: 'Date | string',
  timestamptz: 'Date | string',
  bytea: 'Uint8Array',
  json: 'string',
  jsonb: 'string',
  interval: 'string',
  point: 'string',
  circle: 'string',
}

/** The elements of arrays, where pg reads them otherwise than it reads such a value alone. */
const READ_IN_ARRAYS: Readonly<Record<string, string>> = { int8: 'string', numeric: 'number' }

/** Types that pg reads as text, and whose arrays it knows; those of any other are one text. */
const TEXT_IN_ARRAYS = new Set(
  'bpchar varchar text uuid inet cidr macaddr money time timetz numrange'.split(' '),
)

/** The types of a column that is never null. */
export function columnTypes({ type, isArray, labels }: ColumnKind): ColumnTypes {
  if (isArray) return arrayTypes(type)
  if (labels) return same(labels.map(quoted).join(' | ') || 'never')
  const read = READ[type] ?? 'string'
  return { read, write: WRITE[type] ?? read }
}

function arrayTypes(type: string): ColumnTypes {
  const read = READ_IN_ARRAYS[type] ?? READ[type] ?? (TEXT_IN_ARRAYS.has(type) && 'string')
  // Such as '{sad,ok}', an array of an enum; a circle is not read in arrays either.
  if (!read || type === 'circle') return same('string')
  return { read: arrayOf(read), write: arrayOf(WRITE[type] ?? read) }
}

function same(type: string): ColumnTypes {
  return { read: type, write: type }
}

function arrayOf(type: string): string {
  return /^\w+$/.test(type) ? `${type}[]` : `(${type})[]`
}

/** As a string of TypeScript. */
export function quoted(text: string): string {
  return `'${JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(String.raw`\"`, '"')
    .replaceAll("'", String.raw`\'`)}'`
}
