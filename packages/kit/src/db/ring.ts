import type { Db } from './database.ts'
import type { Notifications } from './notifications.ts'
import { afterCommit } from './transaction.ts'

/** What a pool rings by. */
type Bell = Pick<Notifications, 'ring'>

const bells = new WeakMap<Db, Bell>()

/** Has what rings on this pool, and on its transactions, told by `bell`. Without one nothing rings. */
export function hangBell(pool: Db, bell: Bell): void {
  bells.set(pool, bell)
}

/**
 * Tells all who listen to a channel that something has changed: at once, or after the commit of the
 * transaction that `db` is. Never a part of it: a transaction that has called NOTIFY holds a lock of the
 * whole cluster while it commits, so that all who ring would commit one after the other. A hint that may
 * be lost, or come for nothing: whoever must know looks now and then by themselves. Never waits.
 */
export function ring(db: Db, channel: string, payload: string): void {
  afterCommit(db, (pool) => bells.get(pool)?.ring(channel, payload))
}
