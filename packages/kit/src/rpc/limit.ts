import { commonErrors, Failure } from '@tautline/shared'

import { badInput } from '../platform/bad-input.ts'
import { chargeOf, type Payer } from '../policies/rate-limit/limits.ts'
import type { RunningCall } from './call.ts'
import type { RequestContext } from './context.ts'
import type { Plan } from './plans.ts'
import type { AnyPolicy } from './policy.ts'

type Charged = Pick<RequestContext, 'address' | 'answer' | 'mechanisms'> & {
  readonly call: Pick<RunningCall, 'principal'>
  readonly plan: Pick<Plan, 'limits'>
}

/**
 * Charges a call to the limits of its procedure. Throws `RATE_LIMITED`, and then it has cost nothing;
 * `BAD_INPUT` for a call that costs more than its limits ever admit.
 */
export async function charge(ctx: Charged, cost: number): Promise<void> {
  const { limits } = ctx.plan
  if (limits.length === 0) return
  const payer: Payer = { principal: ctx.call.principal, address: ctx.address }
  const charges = limits.map((limit) => chargeOf(limit, payer, cost))
  const verdict = await ctx.mechanisms.limiter.take(charges)
  ctx.answer.limited(charges, verdict.limits)
  if (verdict.outcome === 'refused') {
    throw new Failure(commonErrors.RATE_LIMITED, { retryAfterMs: verdict.retryAfterMs })
  }
  if (verdict.outcome === 'impossible') {
    const message = 'This is more than may be asked for at once.'
    throw badInput([{ path: [], code: 'too_costly', message }])
  }
}

/** The same for a call whose cost its input tells; 0 is free. */
export async function chargeByInput(
  ctx: Charged,
  { cost }: AnyPolicy,
  input: unknown,
): Promise<void> {
  const units = typeof cost === 'function' ? cost(input) : 0
  if (units !== 0) await charge(ctx, units)
}
