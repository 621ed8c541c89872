import { withDeadline } from '../platform/call-scope.ts'
import type { Identity, IdentityRequest, Principal, Resources } from '../resources.ts'
import type { RequestTiming } from './server-timing.ts'

/** What the calls of one HTTP request share. */
export interface RequestContext {
  readonly requestId: string
  /** The client's IP address. */
  readonly address: string
  readonly timing: RequestTiming
  readonly resources: Resources
  /** A call slower than this is logged with where its time went, in milliseconds. */
  readonly slowCallMs: number
  /** Who calls, found out once, when the first procedure asks. */
  identify(): Promise<Principal | null>
}

export interface ContextOptions {
  readonly resources: Resources
  readonly identity: Identity
  readonly slowCallMs: number
}

export interface ContextRequest extends IdentityRequest {
  readonly requestId: string
  readonly timing: RequestTiming
}

/** Longest that the queries of an identity may take, in milliseconds. */
const IDENTITY_TIMEOUT_MS = 5_000

export function createRequestContext(
  request: ContextRequest,
  { resources, identity, slowCallMs }: ContextOptions,
): RequestContext {
  let principal: Promise<Principal | null> | undefined
  const { requestId, headers, address, timing } = request
  const identify = async () => identity({ headers, address }, resources)
  return {
    requestId,
    address,
    timing,
    resources,
    slowCallMs,
    // Work of the request, not of the call that happens to ask first.
    identify: () => (principal ??= withDeadline('identity', IDENTITY_TIMEOUT_MS, identify)),
  }
}
