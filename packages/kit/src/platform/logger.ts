import { destination, pino, type DestinationStream, type Logger as PinoLogger } from 'pino'

import { currentCall, currentRequestId, NO_REQUEST } from './call-scope.ts'

export type Logger = PinoLogger

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Names of fields that never reach the log, at the top of a line or one level down. */
const SECRET_FIELDS = [
  'password',
  'token',
  'accessToken',
  'refreshToken',
  'authorization',
  'cookie',
  'secret',
]

/**
 * JSON lines on standard output. Inside a request every line carries its id, and in a call its
 * procedure.
 * Errors are logged by name, message, code and stack only: whatever else a library hangs on them
 * (pg adds the parameters' values in `detail`) stays out.
 */
export function createLogger(
  level: LogLevel,
  output: DestinationStream = destination({ fd: 1, sync: false }),
): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
        censor: '[redacted]',
      },
      serializers: { err: describeError },
      mixin() {
        const call = currentCall()
        const requestId = currentRequestId()
        return {
          ...(requestId !== NO_REQUEST && { requestId }),
          ...(call && { procedure: call.procedure }),
        }
      },
    },
    output,
  )
}

/** Name, message, code and stack of an error and its causes. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  return {
    name: error.name,
    message: error.message,
    ...('code' in error && { code: error.code }),
    stack: error.stack,
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  }
}
