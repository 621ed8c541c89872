import { createHash } from 'node:crypto'

import type { Rate } from './gcra.ts'
import { networkOf } from './network.ts'
import type { Charge } from './rate-limit-store.ts'

/** One limit, as a backend declares it under a name. */
export interface LimitRule extends Omit<Rate, 'ceiling'> {
  /**
   * Who has a bucket of their own: `caller` is a principal, or else an address; `address` is the
   * client's, whoever calls; `tenant` is all callers of one, and each caller who has none.
   */
  readonly by: 'caller' | 'address' | 'tenant'
}

/** All limits of a backend, by name. */
export type Limits = Readonly<Record<string, LimitRule>>

/** Who is charged. */
export interface Payer {
  readonly principal: {
    readonly userId: string
    readonly tenantId?: string | undefined
    readonly issuer?: string | undefined
  } | null
  /** The client's address, seen through the proxies; empty for one that has gone. */
  readonly address: string
}

/** Rates beyond this cannot be counted in microseconds. */
const MAX_PER_MS = 1_000

/** Keys longer than this are kept as their hash, in characters. */
const MAX_KEY_LENGTH = 128

/** Throws one `RangeError` for every limit that makes no sense; for the start of a backend. */
export function checkLimits(limits: Limits): void {
  const mistakes = Object.entries(limits).flatMap(([name, rule]) =>
    mistakesOf(name, rule).map((mistake) => `${name}: ${mistake}`),
  )
  if (mistakes.length > 0) throw new RangeError(`Limits have mistakes:\n${mistakes.join('\n')}`)
}

function mistakesOf(name: string, { amount, windowMs, burst = amount }: LimitRule): string[] {
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 1
  return [
    ...(/^[a-z][\w-]*$/i.test(name) ? [] : ['its name is not letters, digits, - and _']),
    ...(isCount(amount) ? [] : ['amount is no whole number from 1 on']),
    ...(isCount(windowMs) ? [] : ['windowMs is no whole number from 1 on']),
    ...(isCount(burst) ? [] : ['burst is no whole number from 1 on']),
    ...(amount > windowMs * MAX_PER_MS ? ['amount is more than 1,000 in a millisecond'] : []),
  ]
}

/** What a call that costs `cost` takes from a limit. */
export function chargeOf(
  { name, rule }: { readonly name: string; readonly rule: LimitRule },
  payer: Payer,
  cost: number,
): Charge {
  const key = JSON.stringify([name, ...bucketOf(rule.by, payer)])
  const { amount, windowMs, burst } = rule
  return { name, key: shortened(key), rate: { amount, windowMs, burst }, cost }
}

/** No two payers share one by accident: the parts stay apart, and each kind has its own mark. */
function bucketOf(by: LimitRule['by'], { principal, address }: Payer): readonly string[] {
  if (by === 'address' || !principal) return ['address', networkOf(address)]
  const { userId, tenantId, issuer = '' } = principal
  if (by === 'tenant' && tenantId !== undefined) return ['tenant', issuer, tenantId]
  return ['user', issuer, ...(tenantId === undefined ? [] : [tenantId]), userId]
}

function shortened(key: string): string {
  if (key.length <= MAX_KEY_LENGTH) return key
  return createHash('sha256').update(key).digest('base64')
}
