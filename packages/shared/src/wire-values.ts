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

/** Splits superjson's `a.b\.c` into `['a', 'b.c']`. */
export function parsePath(path: string): string[] {
  if (!path.includes('\\')) return path.split('.')
  const segments: string[] = []
  let segment = ''
  for (let i = 0; i < path.length; i++) {
    const char = path.charAt(i)
    if (char === '\\') segment += path.charAt(++i)
    else if (char === '.') {
      segments.push(segment)
      segment = ''
    } else segment += char
  }
  segments.push(segment)
  return segments
}

function parentOf(root: unknown, segments: readonly string[]): Container {
  let node = root
  for (const segment of segments.slice(0, -1)) {
    if (!isContainer(node) || !Object.hasOwn(node, segment)) {
      throw new WireError('An annotation names a value that is not there.')
    }
    node = node[segment]
  }
  if (!isContainer(node)) throw new WireError('An annotation names a value that is not there.')
  return node
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
  for (const path of Object.keys(values)) {
    const segments = parsePath(path)
    const key = segments.at(-1) ?? ''
    const parent = parentOf(json, segments)
    if (!Object.hasOwn(parent, key)) {
      throw new WireError('An annotation names a value that is not there.')
    }
    parent[key] = revive(annotationType(values[path]), parent[key])
  }
  return json
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
