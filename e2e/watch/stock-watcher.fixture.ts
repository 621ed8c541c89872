import { createTRPCClient, httpSubscriptionLink } from '@trpc/client'
import superjson from 'superjson'

import type { WatchedRouter } from './watched-app.ts'

/*
 * Watches a task with the stock client of tRPC, which needs an `EventSource`: Node has one behind a
 * flag. Tells its parent each event.
 */
const [url = '', id = ''] = process.argv.slice(2)
const client = createTRPCClient<WatchedRouter>({
  links: [httpSubscriptionLink({ url, transformer: superjson })],
})
for await (const event of client.tasks.watch.subscribe({ id })) process.send?.(event)
process.disconnect?.()
