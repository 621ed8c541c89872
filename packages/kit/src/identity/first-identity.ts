import type { Identity } from '../resources.ts'

/**
 * The first of several identities that knows the caller, asked in their order; nobody when none
 * does. One that fails ends the search, since a later one might take the caller for somebody else.
 */
export function firstIdentity(...identities: readonly Identity[]): Identity {
  return async (request, resources) => {
    for (const identify of identities) {
      const principal = await identify(request, resources)
      if (principal) return principal
    }
    return null
  }
}
