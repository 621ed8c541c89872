import { destination, pino, type DestinationStream, type Logger as PinoLogger } from 'pino'

import { currentCall } from './call-scope.ts'

export type Logger = PinoLogger

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Names of fields that never reach the log, at the top of a line or one level down. */
const SECRET_FIELDS = ['password', 'token', 'accessToken', 'authorization', 'cookie', 'secret']

/**
 * JSON lines on standard output. Inside a call every line carries its request id and procedure.
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
        return call ? { requestId: call.requestId, procedure: call.procedure } : {}
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
