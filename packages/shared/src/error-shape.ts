import type { CommonError } from './common-errors.ts'
import type { DataOf, ErrorDefinition, Issue } from './errors.ts'

/** `error.data` of an answer: all that a client learns about a failure besides its sentence. */
export interface ErrorBody<Reason extends string = string, Data = unknown> {
  readonly reason: Reason
  /** Finds the log line of the call. */
  readonly requestId: string
  readonly retryable: boolean
  readonly retryAfterMs?: number
  readonly issues?: readonly Issue[]
  readonly data?: Data
}

type BodyOf<D> =
  D extends ErrorDefinition<infer Reason>
    ? [DataOf<D>] extends [never]
      ? Omit<ErrorBody<Reason>, 'data'>
      : ErrorBody<Reason, DataOf<D>> & { readonly data: DataOf<D> }
    : never

/** Any error body a procedure declaring `Declared` answers with: a union by `reason`. */
export type BodiesOf<Declared extends ErrorDefinition> = BodyOf<Declared | CommonError>

/** tRPC's error envelope (JSON-RPC 2.0 error object) around our body. */
export interface ErrorShape<Body = ErrorBody> {
  readonly message: string
  /** tRPC's JSON-RPC error number. */
  readonly code: number
  readonly data: Body
}
