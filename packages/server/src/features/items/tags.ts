import { commonErrors, Failure, type Principal } from '@tautline/kit'

import { ownerOf, ownerTag } from '../../owner.ts'

type Caller = Principal | null

/** Whose items: that of a caller who has signed in. */
function ownerBehind(caller: Caller) {
  if (!caller) throw new Failure(commonErrors.UNAUTHENTICATED)
  return ownerOf(caller)
}

/** One item. */
export function itemTag(caller: Caller, id: string): string {
  const { ownerId, tenantId } = ownerBehind(caller)
  return `item:${tenantId}:${ownerId}:${id}`
}

/** Which items there are, and each of them as a list shows it. */
export function itemsTag(caller: Caller): string {
  const { ownerId, tenantId } = ownerBehind(caller)
  return `items:${tenantId}:${ownerId}`
}

/** All that is the caller's, in every tenant. */
export function callerTag(caller: Caller): string {
  return ownerTag(ownerBehind(caller).ownerId)
}
