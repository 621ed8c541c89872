import type { Identity, Principal } from '../resources.ts'

const SCHEME = 'Test '

/** An `Authorization` header that says outright who calls. Only test servers believe it. */
export function authorizationOf(principal: Principal): string {
  return SCHEME + Buffer.from(JSON.stringify(principal)).toString('base64url')
}

/** Believes `authorizationOf`, and asks the backend's own identity about everything else. */
export function createTestIdentity(own: Identity): Identity {
  return (request, resources) => {
    const header = request.headers.authorization
    if (!header?.startsWith(SCHEME)) return own(request, resources)
    const text = Buffer.from(header.slice(SCHEME.length), 'base64url').toString()
    // oxlint-disable-next-line typescript/consistent-type-assertions -- only tests write it
    const { expiresAt, ...principal } = JSON.parse(text) as Principal
    const end = expiresAt && { expiresAt: new Date(expiresAt) } // of JSON it is text
    return { ...principal, ...end, isCurrent: async () => true }
  }
}
