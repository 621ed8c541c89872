import type { HostileRequest } from './hostile-request.ts'
import { judge } from './judge.ts'
import type { Answer } from './send.ts'

/** Faults that are listed; one bug makes thousands. */
const MAX_LISTED = 20

/** How much of a request and of its answer is shown with a fault. */
const SHOWN = 400

/** What a run has seen. */
export function createReport() {
  const faults: string[] = []
  const kinds: Record<string, { sent: number; reached: number }> = {}
  const statuses: Record<string, number> = {}
  const hits = new Map<string, number>()
  let tryAgain = 0
  let faulty = 0

  return {
    /** With what they are an answer to. */
    faults,
    /** How often the handler of each procedure ran. */
    hits,
    add(request: HostileRequest, answer: Answer) {
      const verdict = judge(request, answer)
      const kind = (kinds[request.kind] ??= { sent: 0, reached: 0 })
      kind.sent++
      if (verdict.reached.length > 0) kind.reached++
      const status = answer.statuses.join(' ') || 'silence'
      statuses[status] = (statuses[status] ?? 0) + 1
      for (const path of verdict.reached) hits.set(path, (hits.get(path) ?? 0) + 1)
      tryAgain += verdict.tryAgain
      if (verdict.faults.length === 0) return
      faulty++
      if (faults.length < MAX_LISTED) faults.push(describe(request, answer, verdict.faults))
    },
    summary() {
      const all = Object.values(kinds)
      const sent = all.reduce((sum, kind) => sum + kind.sent, 0)
      /** Requests of which at least one call reached a handler. */
      const reached = all.reduce((sum, kind) => sum + kind.reached, 0)
      return { sent, reached, faulty, tryAgain, kinds, statuses, hits: Object.fromEntries(hits) }
    },
  }
}

function describe(request: HostileRequest, answer: Answer, faults: readonly string[]): string {
  const asked =
    request.via === 'http'
      ? `${request.method} ${request.target} ${String(request.body ?? '')} ${JSON.stringify(request.headers)}`
      : JSON.stringify(request.bytes.toString('latin1'))
  const told = `${answer.statuses.join(' ')} ${answer.text}`
  return `${faults.join(', ')} [${request.kind}]: ${asked.slice(0, SHOWN)} → ${told.slice(0, SHOWN)}`
}
