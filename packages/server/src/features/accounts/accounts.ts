import { DEFAULT_VELOCITY, type Velocity } from './limits.ts'
import { accountsRouter } from './router.ts'
import './tables.ts'

export interface AccountsOptions {
  /** How much one account may send. Default: 10,000 transfers, or 10^12 minor units, in an hour. */
  readonly velocity?: Velocity
}

/** Money of users, in integer minor units, and the ledger of where it went. */
export function accounts({ velocity = DEFAULT_VELOCITY }: AccountsOptions = {}) {
  return { router: accountsRouter(velocity) }
}
