import type { commonErrors } from './common-errors.ts'
import type { DataOf, ErrorDefinition, Issue } from './errors.ts'

/** `error.data` of an answer: all that a client learns about a failure besides its sentence. */
export interface ErrorBody<Reason extends string = string, Data = unknown> {
  readonly reason: Reason
  /** Finds the log line of the call. */
  readonly requestId: string
  readonly retryable: boolean
  /** Milliseconds after which a retry makes sense. */
  readonly retryAfterMs?: number
  readonly issues?: readonly Issue[]
  readonly data?: Data
}

type BodyOf<Reason extends string, Data> = [Data] extends [never]
  ? Omit<ErrorBody<Reason>, 'data'>
  : ErrorBody<Reason, Data> & { readonly data: Data }

/**
 * What a list of definitions says, as a plain type: `{ SKU_TAKEN: { skus: string[] } }`. It is
 * written out in a router's declaration file, where the name of a package that the reader has not
 * got would be `any` without a word.
 */
export type FailuresOf<Definitions extends readonly ErrorDefinition[]> =
  Definitions extends infer Declared extends readonly ErrorDefinition[]
    ? { [D in Declared[number] as D['reason']]: DataOf<D> }
    : never

type CommonBody = {
  [R in keyof typeof commonErrors]: BodyOf<R, DataOf<(typeof commonErrors)[R]>>
}[keyof typeof commonErrors]

/** Any error body of a procedure with these failures: a union by `reason`, common ones included. */
export type BodiesOf<Failures> =
  | { [R in keyof Failures & string]: BodyOf<R, Failures[R]> }[keyof Failures & string]
  | CommonBody

/** tRPC's error envelope (JSON-RPC 2.0 error object) around our body. */
export interface ErrorShape<Body = ErrorBody> {
  readonly message: string
  /** tRPC's JSON-RPC error number. */
  readonly code: number
  readonly data: Body
}
