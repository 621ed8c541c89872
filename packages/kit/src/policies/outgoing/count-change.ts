import { isFailure } from '@tautline/shared'

import { currentCall } from '../../platform/call-scope.ts'
import { NotConnectedError } from './connector.ts'
import { UPSTREAM_REFUSED_ADDRESS } from './failures.ts'
import type { Method } from './hop.ts'

const READING: ReadonlySet<Method> = new Set<Method>(['GET', 'HEAD'])

/**
 * Sends a request that may do something elsewhere, and counts it as a change of the mutation that
 * runs unless it certainly never left: whoever repeats the call would repeat it as well.
 */
export async function countChange<T>(method: Method, request: () => Promise<T>): Promise<T> {
  const call = currentCall()
  if (call?.kind !== 'mutation' || READING.has(method)) return request()
  call.changes++
  try {
    return await request()
  } catch (error) {
    if (isUnsent(error)) call.changes--
    throw error
  }
}

/** Whether there was no connection that anything could be written to. */
function isUnsent(error: unknown): boolean {
  if (error instanceof NotConnectedError) return true
  return isFailure(error) && error.definition === UPSTREAM_REFUSED_ADDRESS
}
