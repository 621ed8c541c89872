import { commonErrors, Failure } from '@tautline/shared'

/** The connection broke while a statement was under way, or had broken before. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
  /** False when the statement never left this process, so that it certainly did nothing. */
  readonly sent: boolean

  constructor(options: { readonly sent: boolean; readonly cause: unknown }) {
    super('The connection to the database broke.', { cause: options.cause })
    this.sent = options.sent
  }
}

/** No connection could be had in time. */
export class NoConnectionError extends Error {
  override readonly name = 'NoConnectionError'
}

/** SQLSTATE of a Postgres error, else a socket error's code (`ECONNREFUSED`), else undefined. */
export function databaseErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Name of the constraint that a statement violated (SQLSTATE class 23), if that is what failed. */
export function violatedConstraint(error: unknown): string | undefined {
  if (!databaseErrorCode(error)?.startsWith('23')) return undefined
  if (!(error instanceof Error) || !('constraint' in error)) return undefined
  return typeof error.constraint === 'string' ? error.constraint : undefined
}

/** 40001 serialization_failure and 40P01 deadlock_detected: run the whole transaction again. */
export function isTransactionConflict(error: unknown): boolean {
  const code = databaseErrorCode(error)
  return code === '40001' || code === '40P01'
}

/**
 * Whether the server may have gone away without telling how the statement ended: the connection
 * broke, or the session was terminated (57P0x) or had lost its own connection (class 08).
 */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof ConnectionLostError) return true
  const code = databaseErrorCode(error)
  return code !== undefined && (code.startsWith('57P') || code.startsWith('08'))
}

/**
 * Whether a statement that failed like this may have taken effect all the same, when it was one
 * that needs no commit, or the commit itself.
 */
export function isOutcomeUnknown(error: unknown): boolean {
  if (error instanceof ConnectionLostError) return error.sent
  return isConnectionLoss(error)
}

/** The backoff hint that goes with "not right now". */
const RETRY_AFTER_MS = 500

/**
 * What a database error means to a caller, or undefined when it is a bug of ours. Only failures
 * that are certain to have changed nothing come through here: a commit whose end is unknown is
 * told apart where it is sent: `connection.ts`.
 */
export function toDatabaseFailure(error: unknown): Failure | undefined {
  const cause = { cause: error }
  if (isConnectionLoss(error) || error instanceof NoConnectionError) return unavailable(error)
  const code = databaseErrorCode(error)
  switch (code) {
    case '40001':
    case '40P01':
    case '55P03': // lock_not_available
      return new Failure(commonErrors.CONTENTION, { ...cause, retryAfterMs: RETRY_AFTER_MS })
    case '57014': // query_canceled: our statement_timeout, or our own cancel
    case '25P03': // idle_in_transaction_session_timeout
    case '25P04': // transaction_timeout
      return new Failure(commonErrors.DEADLINE_EXCEEDED, cause)
    case '53100': // disk_full
    case '53200': // out_of_memory
    case '53300': // too_many_connections
    case '25006': // read_only_sql_transaction: a failover is under way
    case 'ECONNREFUSED':
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return unavailable(error)
    default:
      return undefined
  }
}

function unavailable(error: unknown): Failure {
  return new Failure(commonErrors.UNAVAILABLE, { cause: error, retryAfterMs: RETRY_AFTER_MS })
}
