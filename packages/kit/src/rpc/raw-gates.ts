import { commonErrors, Failure } from '@tautline/shared'

import { orAborted } from '../platform/abort.ts'
import type { Priority } from '../policies/admission/priority.ts'
import type { Identity, Resources } from '../resources.ts'
import type { RequestAnswer } from './answer-headers.ts'
import { askIdentity } from './context.ts'
import { authorise, requireCurrent } from './gates.ts'
import { refuse } from './http-refusal.ts'
import type { Mechanisms } from './mechanisms.ts'
import type { Policy } from './policy.ts'
import type { RawCall, RawRequest } from './raw-call.ts'

/** Too late whatever the forecast, which is 0 before anybody was served. */
const NO_WAIT_MS = -1

/** What the gates ask. */
export interface RawOptions {
  readonly resources: Resources
  readonly identity: Identity
  readonly mechanisms: Mechanisms
}

export interface RawArrival {
  readonly http: RawRequest
  readonly call: RawCall
  readonly policy: Pick<Policy, 'allow' | 'fresh'> & { readonly priority: Priority }
}

/** Lets in who may come now, by the gates of a procedure and in their order: admission, caller. */
export async function admitRaw(
  { http, call, policy }: RawArrival,
  { identity, resources, mechanisms }: RawOptions,
): Promise<void> {
  const { request, address } = http
  const { priority, allow, fresh } = policy
  // It takes no place there, because it has no end of its own; nor does it wait for one.
  const refusal = mechanisms.admission.refusal({ priority, deadlineMs: NO_WAIT_MS })
  if (refusal) throw new Failure(commonErrors.OVERLOADED, { retryAfterMs: refusal.retryAfterMs })
  const caller = askIdentity({ headers: request.headers, address }, { identity, resources })
  call.principal = await orAborted(caller, call.scope.signal)
  authorise(allow, call.principal)
  if (fresh) await requireCurrent(call.principal)
}

/**
 * Asks again for somebody who was let in long ago: they may have been deleted since. A session that
 * holds is enough, as its tokens are short; who has none shows the same as before.
 */
export async function readmitRaw(
  { http, call, policy }: RawArrival,
  { identity, resources }: RawOptions,
): Promise<void> {
  if (call.principal?.isCurrent) return requireCurrent(call.principal)
  const { request, address } = http
  const caller = askIdentity({ headers: request.headers, address }, { identity, resources })
  authorise(policy.allow, await orAborted(caller, call.scope.signal))
}

/** Tells why there is no answer; one that has begun breaks off, so that nobody takes it for whole. */
export function tellRaw(failure: Failure, http: RawRequest, answer: RequestAnswer): void {
  const { request, response } = http
  if (response.headersSent) {
    // HTTP/1.0 knows no chunks: there the end of the connection is the end of the file.
    if (request.httpVersion === '1.0') request.socket.resetAndDestroy()
    else response.destroy()
    return
  }
  for (const [header, value] of Object.entries(answer.headers())) response.setHeader(header, value)
  refuse(http, failure)
}
