export { backoffMs, type BackoffOptions } from './backoff.ts'
export { commonErrors, type CommonError } from './common-errors.ts'
export { httpStatusOf, type ErrorCode } from './error-codes.ts'
export type { BodiesOf, ErrorBody, ErrorShape, FailuresOf } from './error-shape.ts'
export {
  defineError,
  Failure,
  isFailure,
  type DataOf,
  type ErrorDefinition,
  type FailureDetails,
  type Issue,
} from './errors.ts'
export { fanOut, type FanOutOptions, type Job, type Settled } from './fan-out.ts'
export {
  createRetryBudget,
  retry,
  type Retryable,
  type RetryBudget,
  type RetryOptions,
} from './retry.ts'
export { parseRetryAfter } from './retry-after.ts'
export { sleep } from './sleep.ts'
export {
  isTaskEnd,
  taskEventTypes,
  taskStates,
  type TaskEventType,
  type TaskState,
} from './tasks.ts'
export { wire } from './wire.ts'
export { WireError } from './wire-values.ts'
