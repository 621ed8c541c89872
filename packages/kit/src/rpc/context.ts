import type { Identity, IdentityRequest, Principal, Resources } from '../resources.ts'

/** What the calls of one HTTP request share. */
export interface RequestContext {
  readonly requestId: string
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

export function createRequestContext(
  request: IdentityRequest & { readonly requestId: string },
  { resources, identity, slowCallMs }: ContextOptions,
): RequestContext {
  let principal: Promise<Principal | null> | undefined
  const identify = async () => identity(request, resources)
  return {
    requestId: request.requestId,
    resources,
    slowCallMs,
    identify: () => (principal ??= identify()),
  }
}
