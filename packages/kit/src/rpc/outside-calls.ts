import type { TRPCError } from '@trpc/server'

import { isFailure } from '@tautline/shared'

import type { Logger } from '../platform/logger.ts'
import { fromTransport } from './failure.ts'

/** A call writes its own line (`call.ts`); this is for what tRPC refuses before there is one. */
export function logOutsideCalls(log: Logger, error: TRPCError, path: string): void {
  if (isFailure(error.cause)) return
  const { reason } = fromTransport(error)
  if (reason === 'INTERNAL') log.error({ outcome: reason, path, err: error }, 'request failed')
  else log.info({ outcome: reason, path }, 'request refused')
}
