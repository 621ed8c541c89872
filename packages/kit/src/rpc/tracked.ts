// For whoever writes subscriptions: only routers and this folder know tRPC.
export { tracked } from '@trpc/server'
