import type { Policy } from './policy.ts'

type Limit = Policy['limit']

/** Limits of a ready-made feature's procedures, as a policy has them. Default: none. */
export interface FeatureLimits {
  /** Of its queries, and of the streams that are opened. */
  readonly reads?: Limit
  /** Of its mutations. */
  readonly writes?: Limit
}

/** What they add to the policy of each procedure that reads, or writes. */
export interface LimitPolicies {
  readonly reads: Pick<Policy, 'limit'>
  readonly writes: Pick<Policy, 'limit'>
}

export function limitPolicies({ reads, writes }: FeatureLimits = {}): LimitPolicies {
  return { reads: limited(reads), writes: limited(writes) }
}

function limited(limit: Limit): Pick<Policy, 'limit'> {
  return limit === undefined ? {} : { limit }
}
