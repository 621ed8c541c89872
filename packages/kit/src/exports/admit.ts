import { commonErrors, Failure } from '@tautline/shared'

import { orAborted } from '../platform/abort.ts'
import type { Identity, Resources } from '../resources.ts'
import { askIdentity } from '../rpc/context.ts'
import { authorise, requireCurrent } from '../rpc/gates.ts'
import type { Mechanisms } from '../rpc/mechanisms.ts'
import type { ExportCall, ExportRequest } from './call.ts'
import { DEFAULT_PRIORITY, type ExportPolicy } from './definition.ts'

/** Too late whatever the forecast, which is 0 before anybody was served. */
const NO_WAIT_MS = -1

/** What the gates ask. */
export interface ExportOptions {
  readonly resources: Resources
  readonly identity: Identity
  readonly mechanisms: Mechanisms
}

export interface Arrival {
  readonly http: ExportRequest
  readonly call: ExportCall
  readonly policy: ExportPolicy
}

/**
 * Lets in who may read an export now, by the gates of a procedure and in their order: method,
 * admission, caller. A GET is asked for no origin: it changes nothing, and what a page of
 * another origin gets to see of it is for CORS to say.
 */
export async function admit(
  { http, call, policy }: Arrival,
  { identity, resources, mechanisms }: ExportOptions,
): Promise<void> {
  const { request, response, address } = http
  const { priority = DEFAULT_PRIORITY } = policy
  if (request.method !== 'GET') {
    response.setHeader('allow', 'GET')
    throw new Failure(commonErrors.METHOD_NOT_SUPPORTED)
  }
  // It takes no place there, because it has no end of its own; nor does it wait for one.
  const refusal = mechanisms.admission.refusal({ priority, deadlineMs: NO_WAIT_MS })
  if (refusal) throw new Failure(commonErrors.OVERLOADED, { retryAfterMs: refusal.retryAfterMs })
  const caller = askIdentity({ headers: request.headers, address }, { identity, resources })
  call.principal = await orAborted(caller, call.scope.signal)
  authorise(policy.allow, call.principal)
  if (policy.fresh) await requireCurrent(call.principal)
}
