/**
 * The part of superjson's format that inputs may use. superjson sends `{ json, meta }`, where
 * `meta.values` says which JSON values stand for something JSON has no word for. It can describe
 * far more than we send (regular expressions, errors, class instances, shared references); from a
 * stranger that is an amplifier: 1 KB of references became 134 MB when echoed, 8 million digits
 * of bigint block the loop for 5 s. So the server reads `date`, `bigint` and `undefined` by
 * itself and refuses the rest.
 */

/** Decimal digits of the longest bigint accepted; Postgres' bigint has 19. */
const MAX_BIGINT_DIGITS = 40

/** Why a payload cannot be decoded. Carries no part of the payload. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

type Container = Record<string, unknown>

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null
}

function revive(type: unknown, value: unknown): unknown {
  switch (type) {
    case 'undefined':
      return undefined
    case 'Date':
      if (typeof value === 'string' && value.length <= 40) return new Date(value)
      throw new WireError('A date is an ISO 8601 string.')
    case 'bigint':
      if (typeof value === 'string' && value.length <= MAX_BIGINT_DIGITS && /^-?\d+$/.test(value))
        return BigInt(value)
      throw new WireError(`A bigint is a string of at most ${MAX_BIGINT_DIGITS} digits.`)
    default:
      throw new WireError('Inputs carry JSON, dates, bigints and undefined; nothing else.')
  }
}

const BACKSLASH = 0x5c

/** The next dot that leads a level down; in superjson's paths `\.` is part of a key. */
function nextDot(path: string, from: number): number {
  for (let dot = path.indexOf('.', from); dot !== -1; dot = path.indexOf('.', dot + 1)) {
    let backslashes = 0
    while (path.charCodeAt(dot - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return dot
  }
  return -1
}

function unescapeKey(key: string): string {
  return key.includes('\\') ? key.replace(/\\(.?)/gs, '$1') : key
}

/** `node`, if it has this key of its own. The length of an array is not one that JSON has named. */
function owner(node: unknown, key: string): Container {
  if (isContainer(node) && Object.prototype.propertyIsEnumerable.call(node, key)) return node
  throw new WireError('An annotation names a value that is not there.')
}

/** Revives the one value at `path`. Splits no path: inputs have ten thousands of them. */
function reviveAt(root: unknown, path: string, type: unknown): void {
  let node = root
  let start = 0
  for (let dot = nextDot(path, 0); dot !== -1; dot = nextDot(path, start)) {
    const key = unescapeKey(path.slice(start, dot))
    node = owner(node, key)[key]
    start = dot + 1
  }
  const key = unescapeKey(path.slice(start))
  const parent = owner(node, key)
  parent[key] = revive(type, parent[key])
}

function annotationType(annotation: unknown): unknown {
  if (Array.isArray(annotation) && annotation.length === 1) return annotation[0]
  throw new WireError('Inputs carry JSON, dates, bigints and undefined; nothing else.')
}

/** Applies `meta.values` to `json` in place and returns the result. Throws `WireError`. */
export function applyValues(json: unknown, values: unknown): unknown {
  if (values === undefined) return json
  if (Array.isArray(values)) return revive(annotationType(values), json)
  if (!isContainer(values)) throw new WireError('The annotations are not readable.')
  for (const path of Object.keys(values)) reviveAt(json, path, annotationType(values[path]))
  return json
}

/**
 * Refuses text that Postgres cannot hold: NUL, and half of a surrogate pair, which would be stored
 * as another character. Throws `WireError`.
 */
export function checkText(value: unknown): void {
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed()) {
      throw new WireError('Text is well-formed Unicode without NUL.')
    }
  } else if (Array.isArray(value)) {
    for (const item of value) checkText(item)
  } else if (isContainer(value)) {
    for (const key of Object.keys(value)) {
      checkText(key)
      checkText(value[key])
    }
  }
}

/** Whether `meta.referentialEqualities` describes a value that contains itself. */
export function hasCycle(equalities: unknown): boolean {
  if (Array.isArray(equalities)) return true // the root itself appears again below
  if (!isContainer(equalities)) return false
  return Object.entries(equalities).some(
    ([source, targets]) =>
      Array.isArray(targets) &&
      targets.some((target) => typeof target === 'string' && target.startsWith(`${source}.`)),
  )
}
