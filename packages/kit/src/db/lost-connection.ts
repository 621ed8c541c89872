import { ConnectionLostError } from './errors.ts'

/** What pg says, without any code, when the socket has gone or nothing on it makes sense. */
const BROKE = /^(Connection terminated|Received unexpected)/

/** What pg says when it does not even try, because the socket had gone before. */
const NOT_TRIED = /^Client (has encountered a connection error|was closed) and is not queryable$/

/** Codes of an encrypted connection that broke. */
const BROKE_IN_TLS = /^ERR_(SSL|TLS)_/

/** The error of a statement whose connection broke under it, or undefined for any other error. */
export function toConnectionLost(error: unknown): ConnectionLostError | undefined {
  if (!(error instanceof Error)) return undefined
  if (NOT_TRIED.test(error.message)) return new ConnectionLostError({ sent: false, cause: error })
  if (!BROKE.test(error.message) && !isSocketError(error)) return undefined
  return new ConnectionLostError({ sent: true, cause: error })
}

/** Only errors of the operating system name the call that failed: `read`, `write`. */
function isSocketError(error: Error): boolean {
  if ('syscall' in error) return true
  return 'code' in error && typeof error.code === 'string' && BROKE_IN_TLS.test(error.code)
}
