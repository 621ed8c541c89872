import type { ZodType } from 'zod'

import type { ErrorCode } from './error-codes.ts'

/** One row of the error table: what a reason means to a caller. */
export interface ErrorDefinition<Reason extends string = string, Data = unknown> {
  /** Stable name, SCREAMING_SNAKE_CASE; what a client switches on. */
  readonly reason: Reason
  /** tRPC code; the HTTP status follows from it (`httpStatusOf`). */
  readonly code: ErrorCode
  /** Public sentence. The only text of an error that reaches a client. */
  readonly message: string
  /** Whether the same call may succeed later, and is safe to send again. */
  readonly retryable: boolean
  /** Schema of the typed facts that travel with the error, when there are any. */
  readonly data?: ZodType<Data>
}

type ErrorOptions<Data> = Omit<ErrorDefinition<string, Data>, 'reason' | 'retryable'> & {
  readonly retryable?: boolean
}

/**
 * Adds a reason to the error table. A procedure lists it under `errors`, throws it as
 * `new Failure(DEFINITION, …)`, and its clients see it as a member of a discriminated union.
 */
export function defineError<const Reason extends string, Data = never>(
  reason: Reason,
  options: ErrorOptions<Data>,
): ErrorDefinition<Reason, Data> {
  return { reason, retryable: false, ...options }
}

/** The typed data of a definition; `never` when it carries none. */
export type DataOf<D> = D extends ErrorDefinition<string, infer Data> ? Data : never

/** What goes with a failure besides its reason. */
export interface FailureDetails<Data = unknown> {
  /** Typed facts, in the shape the definition's schema gives. */
  readonly data?: Data
  /** Milliseconds after which a retry makes sense. */
  readonly retryAfterMs?: number
  /** What is wrong with which part of the input. */
  readonly issues?: readonly Issue[]
  /** The error behind this one; goes to the log, never to a client. */
  readonly cause?: unknown
}

/** One thing wrong with the input: where and why, never the value. */
export interface Issue {
  readonly path: readonly (string | number)[]
  readonly code: string
  readonly message: string
}

type DetailsArgument<Data> = [Data] extends [never]
  ? [details?: Omit<FailureDetails, 'data'>]
  : [details: FailureDetails<Data> & { readonly data: Data }]

/** An expected refusal, from the error table. Anything else that is thrown becomes `INTERNAL`. */
export class Failure<D extends ErrorDefinition = ErrorDefinition> extends Error {
  readonly definition: D
  readonly details: FailureDetails<DataOf<D>>

  constructor(definition: D, ...[details = {}]: DetailsArgument<DataOf<D>>) {
    super(definition.message, { cause: details.cause })
    this.name = 'Failure'
    this.definition = definition
    this.details = details
  }

  get reason(): D['reason'] {
    return this.definition.reason
  }
}

/** `instanceof` alone would say `Failure<any>`. */
export function isFailure(error: unknown): error is Failure {
  return error instanceof Failure
}
