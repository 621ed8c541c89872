import type { Notifications } from '../db/notifications.ts'
import type { Admission } from '../policies/admission/admission.ts'
import type { Cache } from '../policies/cache/cache.ts'
import type { Idempotency } from '../policies/idempotency/idempotency.ts'
import type { KeyedCallPoint } from '../policies/idempotency/keyed-call.ts'
import type { Limiter } from '../policies/rate-limit/limiter.ts'
import type { Limits } from '../policies/rate-limit/limits.ts'
import type { TaskWatcher } from '../task-types.ts'
import type { Streams } from './streams.ts'

/** What keeps the policies, for all calls of one process. */
export interface Mechanisms {
  readonly admission: Admission
  readonly cache: Cache
  /** Of the code that runs: what another build has cached is not for this one. */
  readonly buildId: string
  readonly idempotency: Idempotency
  /** Told of each point that a keyed call comes to. */
  readonly keyedCallObserver?: ((point: KeyedCallPoint) => void) | undefined
  readonly limiter: Limiter
  /** The limits that procedures name. */
  readonly limits: Limits
  readonly streams: Streams
  readonly taskEvents: TaskWatcher
  readonly doorbells: Pick<Notifications, 'listen'>
}
