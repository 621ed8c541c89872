import { currentCall, within } from '../../platform/call-scope.ts'

/**
 * Runs `run` as part of the call, with its deadline and on its account, but none of what it commits
 * is a change of the call: who repeats the call does no harm by what is written down once more.
 */
export function asBookkeeping<T>(run: () => Promise<T>): Promise<T> {
  const call = currentCall()
  return call ? within({ ...call, kind: 'query', changes: 0 }, run) : run()
}
