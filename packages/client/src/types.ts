import type { ErrorBody, ErrorShape } from '@tautline/shared'

import type { CallErrorOf } from './call-error.ts'
import type { ClientHandle } from './client-handle.ts'
import type { ConnectionState } from './subscription.ts'

/** How one call differs from the others. */
export interface CallOptions {
  /** Rejects the call with `ABORTED` at once; the server stops when all calls of its batch are. */
  readonly signal?: AbortSignal
  /**
   * How long this call may take, in milliseconds, with all of its attempts and waits; the server is
   * told. Default: that of the client.
   */
  readonly timeoutMs?: number
}

/** How one mutation differs from the others. */
export interface MutationOptions extends CallOptions {
  /**
   * Instead of a key that the client makes: calls with the same one are the same mutation, which
   * happens once, also after a page was reloaded. 1 to 255 printable ASCII characters. Fails with
   * `KEY_NOT_SUPPORTED` where the procedure takes none.
   */
  readonly idempotencyKey?: string
}

/** A call under way. `safe` reads the type of its errors from it. */
export interface Call<Output, Failed> extends Promise<Output> {
  /** Only a type; there is no such property. */
  readonly '~error'?: Failed
}

interface ProcedureTypes {
  input: unknown
  output: unknown
  errorShape: unknown
}

/** What the client needs to know of a procedure; structural, so that it fits any tRPC 11. */
interface ProcedureLike {
  _def: { procedure: true; type: string; $types: ProcedureTypes }
}

/** What the client needs to know of a router. */
export interface RouterLike {
  _def: { record: object }
}

type FailedOf<Types extends ProcedureTypes> =
  Types['errorShape'] extends ErrorShape<infer Body extends ErrorBody>
    ? CallErrorOf<Body>
    : CallErrorOf<ErrorBody>

/** An input that may be left out is an optional argument. */
type Resolver<Types extends ProcedureTypes, Options> = undefined extends Types['input']
  ? (input?: Types['input'], options?: Options) => Call<Types['output'], FailedOf<Types>>
  : [Types['input']] extends [void]
    ? (input?: undefined, options?: Options) => Call<Types['output'], FailedOf<Types>>
    : (input: Types['input'], options?: Options) => Call<Types['output'], FailedOf<Types>>

/** How one subscription differs from the others. */
export interface SubscribeOptions {
  /** Ends it: the loop over it rejects with `ABORTED`. */
  readonly signal?: AbortSignal
  /** Told each time the connection is made, lost, or over. */
  readonly onState?: (state: ConnectionState) => void
}

/** What a subscription calls, instead of being read in a loop; by the names of tRPC. */
export interface SubscriptionCallbacks<Event, Failed> {
  readonly signal?: AbortSignal
  readonly onStarted?: () => void
  readonly onData: (event: Event) => void
  /** It has ended for good. */
  readonly onError?: (error: Failed) => void
  /** The server has sent all that there is. */
  readonly onStopped?: () => void
  /** It is over, for whatever reason but an error. */
  readonly onComplete?: () => void
  readonly onConnectionStateChange?: (state: ConnectionState) => void
}

/** Ends a subscription that calls back. */
export interface Unsubscribable {
  readonly unsubscribe: () => void
}

type EventIn<Output> = Output extends AsyncIterable<infer Event> ? Event : never

/**
 * Events by callbacks, or in a loop, which may be left at any time, and is read as fast as it turns. Those
 * with an `id` come each once, however often the connection is lost; of others what comes while there is
 * none is missed, and `onState` or `onConnectionStateChange` tells when that may be.
 */
export interface Subscriber<Input extends readonly unknown[], Event, Failed> {
  (...args: [...Input, callbacks: SubscriptionCallbacks<Event, Failed>]): Unsubscribable
  (...args: [...Input, options?: SubscribeOptions]): AsyncIterableIterator<Event>
}

type SubscriptionClient<Types extends ProcedureTypes> = Subscriber<
  undefined extends Types['input']
    ? [input?: Types['input']]
    : [Types['input']] extends [void]
      ? [input?: undefined]
      : [input: Types['input']],
  EventIn<Types['output']>,
  FailedOf<Types>
>

type ProcedureClient<P extends ProcedureLike> = P['_def']['type'] extends 'query'
  ? { query: Resolver<P['_def']['$types'], CallOptions> }
  : P['_def']['type'] extends 'mutation'
    ? { mutate: Resolver<P['_def']['$types'], MutationOptions> }
    : P['_def']['type'] extends 'subscription'
      ? { subscribe: SubscriptionClient<P['_def']['$types']> }
      : never

type Decorated<Record extends object> = {
  [Key in keyof Record]: Record[Key] extends ProcedureLike
    ? ProcedureClient<Record[Key]>
    : Record[Key] extends object
      ? Decorated<Record[Key]>
      : never
}

/** `client.noun.verb.query(input)`, `.mutate(input)` or `.subscribe(input)` for every procedure. */
export type Client<Router extends RouterLike> = Decorated<Router['_def']['record']> & ClientHandle

/** The errors that a call may reject with: `ErrorOf<typeof client.items.get.query>`. */
export type ErrorOf<Procedure extends (...args: never[]) => Call<unknown, unknown>> = NonNullable<
  ReturnType<Procedure>['~error']
>
