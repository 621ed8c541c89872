import { DEFAULT_PRIORITY, pathOf } from '../exports/definition.ts'
import type { Limits } from '../policies/rate-limit/limits.ts'
import { timeoutMsOf } from '../rpc/call.ts'
import type { ProcedureMeta } from '../rpc/definition.ts'
import { procedureMetas } from '../rpc/metas.ts'
import { limitsOf } from '../rpc/plans.ts'
import type { AnyPolicy } from '../rpc/policy.ts'
import { loadApp } from './load-app.ts'

const COLUMNS = ['procedure', 'who may call', 'limits', 'cache', 'key', 'deadline', 'besides']

/** Prints what every procedure and export of an app declares, as a table in Markdown. */
export async function runPolicies(appFile: string): Promise<void> {
  const { router, features, limits = {} } = await loadApp(appFile)
  const metas = procedureMetas(router).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const procedures = metas.map(([path, meta]) => [
    `\`${path}\``,
    allowed(meta),
    limited(path, meta, limits),
    cached(meta),
    meta.policy.idempotent ?? '',
    spell(timeoutMsOf(meta)),
    besides(meta),
  ])
  const all = Object.values(features).flatMap(({ exports = {} }) => Object.entries(exports))
  const exports = all.map(([name, { policy }]) => {
    const { priority = DEFAULT_PRIORITY } = policy
    const what = { policy }
    return [
      `\`${pathOf(name)}\``,
      allowed(what),
      limited(`exports.${name}`, what, limits),
      '',
      '',
      'none',
      priority,
    ]
  })
  const rows = [...procedures, ...exports]
  process.stdout.write(
    `# Policies\n\nWhat \`tautline policies\` prints.\n\n${table([COLUMNS, ...rows])}`,
  )
}

interface Declared {
  readonly policy: Pick<AnyPolicy, 'allow' | 'fresh' | 'limit'>
}

function limited(path: string, { policy }: Declared, limits: Limits): string {
  return limitsOf(path, policy, limits)
    .map(({ rule: { amount, windowMs, by } }) => `${amount} in ${spell(windowMs)} by ${by}`)
    .join(', ')
}

function allowed({ policy: { allow, fresh } }: Declared): string {
  const who =
    typeof allow === 'string'
      ? allow
      : 'role' in allow
        ? `role ${allow.role}`
        : `scope ${allow.scope}`
  return fresh ? `${who}, fresh` : who
}

function cached({ policy: { cache } }: ProcedureMeta): string {
  if (!cache) return ''
  const stale = cache.staleMs ? ` + ${spell(cache.staleMs)} stale` : ''
  const tags = cache.tags ? ', tags' : ''
  return `${cache.scope}, ${spell(cache.ttlMs)}${stale}${tags}`
}

function besides({ policy }: ProcedureMeta): string {
  const { priority, concurrency, streams, maxBodyBytes, queries, transaction } = policy
  return [
    ...(priority ? [priority] : []),
    ...(concurrency ? [`${concurrency.max} at once, ${concurrency.queue} wait`] : []),
    ...(streams ? [`${streams} streams a reader`] : []),
    ...(maxBodyBytes ? [`body ${maxBodyBytes / 1_000_000} MB`] : []),
    ...(queries?.max !== undefined ? [`${queries.max} statements`] : []),
    ...(queries?.timeMs !== undefined ? [`${spell(queries.timeMs)} in them`] : []),
    ...(transaction === 'none' ? ['no transaction of its own'] : []),
  ].join(', ')
}

function spell(ms: number | undefined): string {
  if (ms === undefined) return 'none'
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`
}

/** In columns, so that a change of one cell is seen for what it is. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = COLUMNS.map((_, column) =>
    Math.max(3, ...rows.map((cells) => (cells[column] ?? '').length)),
  )
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |\n`
  const [head = [], ...body] = rows
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('')
}
