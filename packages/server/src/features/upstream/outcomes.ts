import { Failure, upstreamErrors, type Settled, type UpstreamReason } from '@tautline/kit'

/** What a caller is told about a service that did not answer as it should. */
export interface ToldFailure {
  readonly ok: false
  readonly reason: UpstreamReason
  readonly retryable: boolean
  readonly status?: number
}

/** The failure as data. Anything that is no failure of the other service is thrown. */
export function tell({ error }: Extract<Settled<unknown>, { ok: false }>): ToldFailure {
  if (!(error instanceof Failure)) throw error
  const declared = upstreamErrors.find(({ reason }) => reason === error.reason)
  if (!declared) throw error
  const { reason, retryable } = declared
  const details = declared.data?.safeParse(error.details.data)
  return { ok: false, reason, retryable, ...(details?.success && { status: details.data.status }) }
}
