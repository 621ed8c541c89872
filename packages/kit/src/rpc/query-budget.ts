import type { QueryBudget } from '../platform/call-scope.ts'
import { callingLines } from '../platform/calling-lines.ts'
import type { Clock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { ProcedureMeta } from './definition.ts'

/** Statements of a call, where the procedure declares no other number. */
const DEFAULT_MAX = 20

/** Share of its time that a call may spend on statements, where the procedure declares no other. */
const DEFAULT_TIME_SHARE = 0.5

/** What a call may ask of the database. */
interface QueryBounds {
  /** How many statements. */
  readonly max: number
  /** How long they may take together, in milliseconds. */
  readonly timeMs: number
}

export interface QueryBudgetParts {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /** Whether the statement that is one too many fails, and is never sent. */
  readonly fails: boolean
}

/** Opens the budget of each call. */
export interface QueryBudgets {
  open(procedure: string, bounds: QueryBounds): QueryBudget
}

/** Where a budget was exceeded the first time, where that is to be told. */
interface Overrun {
  /** The lines of code that asked, as `path:line:column`, the innermost first. */
  readonly at: readonly string[]
  /** The same in words. */
  readonly error: Error
}

/** How often an overrun of one procedure is looked into and told, in milliseconds. */
const TOLD_EVERY_MS = 60_000

/**
 * Counts what calls ask of the database. A loop of statements where one would do is found by the
 * first caller with a hundred rows; this finds it in a test. Elsewhere it counts each overrun in
 * `query_budget_exceeded_total`, and says once a minute of each procedure which lines of code asked:
 * finding them takes a while.
 */
export function createQueryBudgets({ clock, log, metrics, fails }: QueryBudgetParts): QueryBudgets {
  const toldAt = new Map<string, number>()

  function isTold(procedure: string): boolean {
    const now = clock.now().getTime()
    const last = toldAt.get(procedure) ?? -Infinity
    if (!fails && now >= last && now - last < TOLD_EVERY_MS) return false
    toldAt.set(procedure, now)
    return true
  }

  return {
    open: (procedure, bounds) =>
      openBudget(bounds, {
        fails,
        find: (what) => (isTold(procedure) ? findOverrun(procedure, what) : undefined),
        tell(overrun, asked) {
          metrics.count('query_budget_exceeded_total', { procedure })
          if (overrun) log.warn({ ...asked, at: overrun.at }, 'query budget exceeded')
        },
      }),
  }
}

function findOverrun(procedure: string, what: string): Overrun {
  const at = callingLines()
  const where = at.length === 0 ? '' : `, asked for at ${at.join(', called from ')}`
  const advice = 'Ask once for what belongs together, or declare policy.queries.'
  const error = new Error(`${procedure} went over its query budget: ${what}${where}. ${advice}`)
  return { at, error }
}

/** What becomes of an overrun. */
interface Told {
  readonly fails: boolean
  /** Looks for the lines that ask; undefined where they are not to be told. */
  find(what: string): Overrun | undefined
  tell(overrun: Overrun | undefined, asked: { queries: number; queryMs: number }): void
}

/** A budget that tells whether it was exceeded, and whether its work has ended. */
interface Parent extends QueryBudget {
  readonly exceeded: boolean
  readonly ended: boolean
}

function openBudget({ max, timeMs }: QueryBounds, told: Told, parent?: Parent): Parent {
  let statements = 0
  let spentMs = 0
  let overrun: Overrun | undefined
  let exceeded = false
  /** Whether it is told here, and not by the call, which was over by then. */
  let isOwn = false
  let ended = false
  const charged = () => (parent?.ended === false ? parent : undefined)

  function exceed(what: string): void {
    if (exceeded) return
    exceeded = true
    isOwn = charged()?.exceeded !== true
    if (isOwn) overrun = told.find(what)
  }

  const budget: Parent = {
    get exceeded() {
      return exceeded
    },
    get ended() {
      return ended
    },
    countStatement() {
      charged()?.countStatement()
      if (++statements <= max) return
      exceed(`statement ${statements} of at most ${max}`)
      if (told.fails && overrun) throw overrun.error
    },
    countTime(ms) {
      charged()?.countTime(ms)
      spentMs += ms
      if (spentMs > timeMs) exceed(`${Math.round(spentMs)} ms of at most ${timeMs} ms`)
    },
    renew() {
      statements = 0
      spentMs = 0
    },
    fork: () => openBudget({ max, timeMs }, told, budget),
    end() {
      ended = true
      if (!isOwn) return undefined
      told.tell(overrun, { queries: statements, queryMs: Math.round(spentMs) })
      return told.fails ? overrun?.error : undefined
    },
  }
  return budget
}

/** What a call of that many milliseconds may ask. A subscription asks for as long as it lasts. */
export function queryBoundsOf(
  { kind, policy }: Pick<ProcedureMeta, 'kind' | 'policy'>,
  timeoutMs = Infinity,
): QueryBounds {
  const usual =
    kind === 'subscription'
      ? { max: Infinity, timeMs: Infinity }
      : { max: DEFAULT_MAX, timeMs: timeoutMs * DEFAULT_TIME_SHARE }
  return { ...usual, ...policy.queries }
}
