import type { ServerResponse } from 'node:http'

import { commonErrors, Failure } from '@tautline/shared'

import type { Admission, Refusal } from '../policies/admission/admission.ts'
import { PRIORITIES, type Priority } from '../policies/admission/priority.ts'
import { timeoutMsOf } from './call.ts'
import { BATCH_CONNECTIONS, type Place } from './context.ts'
import type { Announced } from './door.ts'
import type { Plan, Plans } from './plans.ts'

/** Longest that a request waits to be let in which calls nothing that there is, in milliseconds. */
const NOBODYS_TIMEOUT_MS = 1_000

/** How a request comes in. */
export interface Entrance extends Place {
  /**
   * What would be said now, before its body is read; undefined when it may come in. It is told a
   * moment later: a body that came along with the headers is here then, and costs no connection.
   */
  look(): Promise<Refusal | undefined>
  /**
   * Comes in, or is refused. Throws `CLIENT_CLOSED_REQUEST` for one who has left before that. The
   * place is free when the response closes, whatever becomes of a call.
   */
  enter(): Promise<Refusal | undefined>
}

export interface EntranceParts {
  readonly admission: Admission
  readonly plans: Plans
  /** When the caller stops waiting, on the scale of `performance.now()`, where it says so. */
  readonly deadlineAt: number | undefined
}

/**
 * A request is refused before its body comes, and takes its place after that: whoever sends slowly
 * holds none. A batch counts as many calls as hold a connection at the same time, and is as important
 * as its least important one. Streams hold no place: they have no end of their own.
 */
export function createEntrance(
  response: ServerResponse,
  { paths }: Announced,
  { admission, plans, deadlineAt = Infinity }: EntranceParts,
): Entrance {
  const calls = paths.flatMap((path) => plans.get(path) ?? [])
  if (calls.some(({ kind }) => kind === 'subscription')) return openToAll
  const timeoutMs = longestTimeoutMs(calls)
  const arrival = () => ({
    priority: lowest(calls),
    cost: Math.min(paths.length, BATCH_CONNECTIONS),
    deadlineMs: Math.min(timeoutMs, deadlineAt - performance.now()),
  })
  let release = () => {}

  async function takePlace(signal: AbortSignal): Promise<Refusal | undefined> {
    const entry = await admission.enter({ ...arrival(), signal })
    if (!entry.admitted) return entry
    release = entry.release
    if (response.closed) release()
    else response.once('close', release)
    return undefined
  }

  return {
    look: async () => admission.refusal(arrival()),
    async enter() {
      const left = new AbortController()
      const leave = () => left.abort(new Failure(commonErrors.CLIENT_CLOSED_REQUEST))
      response.once('close', leave)
      const refusal = await takePlace(left.signal)
      response.off('close', leave)
      return refusal
    },
    giveWay: () => release(),
    comeBack: takePlace,
  }
}

const openToAll: Entrance = {
  look: async () => undefined,
  enter: async () => undefined,
  giveWay() {},
  comeBack: async () => undefined,
}

function lowest(calls: readonly Plan[]): Priority {
  const ranks = calls.map(({ policy }) => PRIORITIES.indexOf(policy.priority ?? 'normal'))
  return PRIORITIES[Math.max(...ranks)] ?? 'normal'
}

function longestTimeoutMs(calls: readonly Plan[]): number {
  if (calls.length === 0) return NOBODYS_TIMEOUT_MS
  return Math.max(...calls.map((call) => timeoutMsOf(call) ?? 0))
}
