export { CallError, type CallErrorOf, type ClientReason } from './call-error.ts'
export { createClient, type ClientOptions } from './create-client.ts'
export { safe, type SafeResult } from './safe.ts'
export type { Call, CallOptions, Client, ErrorOf, RouterLike } from './types.ts'
