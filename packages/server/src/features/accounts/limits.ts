/** How much one account may send within a time that slides. */
export interface Velocity {
  /** In milliseconds. */
  readonly windowMs: number
  /** Transfers within that time, from 1 on. */
  readonly maxTransfers: number
  /** Sum of their amounts, in minor units. */
  readonly maxAmountMinor: bigint
}

/** Far above what people do; it bounds what a stolen session or a program gone wild can move. */
export const DEFAULT_VELOCITY: Velocity = {
  windowMs: 3_600_000,
  maxTransfers: 10_000,
  maxAmountMinor: 1_000_000_000_000n,
}
