import { toPage } from '../../db/keyset.ts'
import { offBudget } from '../../platform/call-scope.ts'
import { mutation, query } from '../../rpc/define.ts'
import type { LimitPolicies } from '../../rpc/feature-limits.ts'
import { identityOf } from '../../rpc/handler-context.ts'
import { findHead } from './new-rows.ts'
import { numberAll } from './number-new.ts'
import { countUnread, listNotifications, markRead as markRows } from './queries.ts'
import { ListNotificationsInput, MarkedRead, MarkReadInput, NotificationPage } from './schema.ts'
import { watchProcedure, type WatchOptions } from './watch.ts'

export interface NotificationsRouterOptions extends WatchOptions {
  readonly writes: LimitPolicies['writes']
}

/** What somebody is to know, and has read. */
export function createNotificationsRouter({ writes, ...options }: NotificationsRouterOptions) {
  const { maxKept, reads } = options

  const list = query({
    summary:
      'What you are to know, newest first, page by page; what you have not read, if you like.',
    input: ListNotificationsInput.default({ unread: false, limit: 50 }),
    output: NotificationPage,
    policy: { allow: 'user', ...reads },
    async run({ ctx, input: { unread: isUnread, cursor, limit } }) {
      const owner = identityOf(ctx.principal)
      const cursors = ctx.cursors({ isUnread })
      const [last] = cursor ? cursors.open(cursor) : []
      const before = last === undefined ? undefined : Number(last)
      const lastSeq = await offBudget(() => numberAll(ctx.db, owner, maxKept))
      const known = { owner, lastSeq }
      const rows = await listNotifications(ctx.db, { ...known, isUnread, before, limit })
      const page = toPage(rows, limit, {
        item: (row) => row,
        cursor: ({ seq }) => cursors.seal([String(seq)]),
      })
      return { ...page, unread: await countUnread(ctx.db, known), lastSeq }
    },
  })

  const markRead = mutation({
    summary: 'Says that you have read some of your notifications, or all up to one.',
    input: MarkReadInput,
    output: MarkedRead,
    policy: { allow: 'user', ...writes, idempotent: 'optional' },
    async run({ ctx: { db, principal }, input }) {
      const owner = identityOf(principal)
      const marked = await markRows(db, owner, input)
      const { lastSeq = 0 } = (await findHead(db, owner)) ?? {}
      return { marked, unread: await countUnread(db, { owner, lastSeq }) }
    },
  })

  return { list, markRead, watch: watchProcedure(options) }
}
