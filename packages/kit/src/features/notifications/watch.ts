import { readForStream } from '../../db/stream-read.ts'
import { badInput } from '../../platform/bad-input.ts'
import { createWaker } from '../../platform/waker.ts'
import type { SubscriptionContext } from '../../resources.ts'
import { subscription } from '../../rpc/define.ts'
import type { LimitPolicies } from '../../rpc/feature-limits.ts'
import { identityOf } from '../../rpc/handler-context.ts'
import { tracked } from '../../rpc/tracked.ts'
import { findHead } from './new-rows.ts'
import { listAfter } from './queries.ts'
import { createReaders, type Readers, type ReadersOptions } from './readers.ts'
import { Notification, WatchInput } from './schema.ts'

/** Notifications that are read at once: no more of them wait here for a slow reader. */
const PAGE = 100

export interface WatchOptions extends ReadersOptions, Pick<LimitPolicies, 'reads'> {
  /** Streams that one user may have open in one process, of all subscriptions together. Default 5. */
  readonly streams?: number | undefined
}

/** The procedure that tells what its caller is to know, as it comes. */
export function watchProcedure({ streams, reads, ...options }: WatchOptions) {
  /** Of each running backend, by what its hints come from. */
  const running = new WeakMap<object, Readers>()

  function readersOf({ db, doorbells, log, metrics }: SubscriptionContext): Readers {
    const parts = { db, doorbells, log, metrics }
    const readers = running.get(doorbells) ?? createReaders(parts, options)
    running.set(doorbells, readers)
    return readers
  }

  return subscription({
    summary: 'What you are to know, from the notification after one that you know, as it comes.',
    input: WatchInput.default({}),
    output: Notification,
    policy: { allow: 'user', ...reads, ...(streams !== undefined && { streams }) },
    async *run({ ctx, input: { lastEventId = 0 } }) {
      const owner = identityOf(ctx.principal)
      for await (const row of follow(ctx, readersOf(ctx), { owner, after: lastEventId })) {
        yield tracked(String(row.seq), row)
      }
    },
  })
}

interface Place {
  readonly owner: string
  /** Number of the last one that is known. */
  readonly after: number
}

async function* follow(
  { db, signal }: Pick<SubscriptionContext, 'db' | 'signal'>,
  readers: Readers,
  { owner, after }: Place,
) {
  await readForStream('notifications.watch', signal, () => checkPlace(db, { owner, after }))
  const { wake, wait } = createWaker()
  signal.addEventListener('abort', wake, { once: true })
  const joined = readers.join(owner, wake)
  try {
    for (let seq = after; ;) {
      signal.throwIfAborted()
      const { head } = joined
      if (head <= seq) {
        await wait()
        continue
      }
      const page = { owner, after: seq, limit: PAGE }
      const rows = await readForStream('notifications.watch', signal, () => listAfter(db, page))
      for (const row of rows) {
        seq = row.seq
        yield row
      }
      if (rows.length < PAGE) seq = Math.max(seq, head) // what was in between is kept no longer
    }
  } finally {
    signal.removeEventListener('abort', wake)
    joined.leave()
  }
}

/** Throws `BAD_INPUT` for a number that no notification has had. */
async function checkPlace(db: SubscriptionContext['db'], { owner, after }: Place): Promise<void> {
  const head = await findHead(db, owner)
  if (after <= (head?.lastSeq ?? 0)) return
  const message = 'You have no such notification yet.'
  throw badInput([{ path: ['lastEventId'], code: 'too_big', message }])
}
