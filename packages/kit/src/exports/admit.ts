import { commonErrors, Failure } from '@tautline/shared'

import type { RawRequest } from '../rpc/raw-call.ts'
import { admitRaw, type RawOptions } from '../rpc/raw-gates.ts'
import type { ExportCall } from './call.ts'
import { DEFAULT_PRIORITY, type ExportPolicy } from './definition.ts'

export interface Arrival {
  readonly http: RawRequest
  readonly call: ExportCall
  readonly policy: ExportPolicy
}

/**
 * Lets in who may read an export now. A GET is asked for no origin: it changes nothing, and what a
 * page of another origin gets to see of it is for CORS to say.
 */
export async function admit({ http, call, policy }: Arrival, options: RawOptions): Promise<void> {
  const { priority = DEFAULT_PRIORITY } = policy
  if (http.request.method !== 'GET') {
    http.response.setHeader('allow', 'GET')
    throw new Failure(commonErrors.METHOD_NOT_SUPPORTED)
  }
  await admitRaw({ http, call, policy: { ...policy, priority } }, options)
}
