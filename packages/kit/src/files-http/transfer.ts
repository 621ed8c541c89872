import { commonErrors, Failure } from '@tautline/shared'

import type { FileStore } from '../file-types.ts'
import { within } from '../platform/call-scope.ts'
import { createPerCaller } from '../policies/concurrency/per-caller.ts'
import type { Principal } from '../resources.ts'
import { createRequestAnswer } from '../rpc/answer-headers.ts'
import type { RawKind } from '../rpc/call-log.ts'
import { charge } from '../rpc/limit.ts'
import { limitsOf } from '../rpc/plans.ts'
import { startRawCall, type RawCall, type RawRequest } from '../rpc/raw-call.ts'
import { admitRaw, readmitRaw, tellRaw, type RawOptions } from '../rpc/raw-gates.ts'
import type { TransferPolicy } from './definition.ts'

/** A request for a file, and its answer. */
export interface FileRequest extends RawRequest {
  /** Origins besides its own whose pages may call; `*` is every one, without cookies. */
  readonly origins: readonly string[]
  /** Lets its body take longer than that of another request may. */
  readonly takeTime: () => void
}

/** What stands before a file comes or goes, in the order in which it is asked. */
interface Gates {
  /** Admission, caller. */
  admit(): Promise<void>
  /** Asks again whether who was let in would be now. */
  readmit(): Promise<void>
  /** Who was let in. */
  caller(): Principal
  /** A place, and the limits; with them the transfer. */
  place(owner: string, work: () => Promise<void>): Promise<void>
}

export interface TransferParts {
  readonly files: FileStore
  readonly policy: TransferPolicy
  readonly gates: Gates
  /** What went over the wire. */
  readonly sent: { bytes: number }
}

export interface TransferDefinition {
  readonly kind: Extract<RawKind, 'upload' | 'download'>
  /** What stands for it in the log, and before the names of its limits. */
  readonly path: string
  readonly policy: TransferPolicy
  readonly run: (http: FileRequest, call: RawCall, parts: TransferParts) => Promise<void>
}

/** Never rejects: what fails is told to the caller, or breaks off what they read. */
export type FileHandler = (http: FileRequest) => Promise<void>

/** One way of files, in or out: observes it, and brings it through its gates. */
export function createTransfer(definition: TransferDefinition, options: RawOptions): FileHandler {
  const { kind, path, policy, run } = definition
  const { resources, mechanisms } = options
  const { metrics, files } = resources
  const limits = limitsOf(`files.${kind}`, policy, mechanisms.limits)
  const { max, maxPerOwner } = policy
  // Whoever has a place has it for long: half of them are had only by as many owners.
  const keptForFirst = Math.floor(max / 2)
  const places = createPerCaller({ max, maxPerCaller: maxPerOwner, keptForFirst })
  metrics.gauge(`file_${kind}s_open`, () => places.open)

  return async (http) => {
    const sent = { bytes: 0 }
    function onEnd(outcome: string, durationMs: number): void {
      metrics.count('file_transfers_total', { kind, outcome })
      metrics.count('file_transfer_bytes_total', { kind }, sent.bytes)
      metrics.observe('file_transfer_duration_seconds', durationMs / 1_000, { kind })
    }
    const call = startRawCall(
      { path, kind, changes: kind === 'upload', sent, onEnd },
      http,
      resources,
    )
    const answer = createRequestAnswer()
    const { priority = 'normal' } = policy
    const arrival = { http, call, policy: { ...policy, priority } }
    const gates: Gates = {
      admit: () => admitRaw(arrival, options),
      readmit: () => readmitRaw(arrival, options),
      caller() {
        if (!call.principal) throw new Failure(commonErrors.UNAUTHENTICATED)
        return call.principal
      },
      place: (owner, work) =>
        places.run(owner, async () => {
          await charge({ address: http.address, answer, mechanisms, call, plan: { limits } }, 1)
          for (const [name, value] of Object.entries(answer.headers())) {
            http.response.setHeader(name, value)
          }
          await work()
        }),
    }
    await within(call.scope, async () => {
      try {
        await run(http, call, { files, policy, gates, sent })
        call.finish()
      } catch (error) {
        tellRaw(call.fail(error), http, answer)
      }
    })
  }
}
