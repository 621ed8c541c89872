import {
  backoffMs,
  commonErrors,
  parseRetryAfter,
  retry,
  sleep,
  wire,
  type ErrorBody,
  type Retryable,
} from '@tautline/shared'

import { CallError } from './call-error.ts'
import { optionsOf, type ClientHandle } from './client-handle.ts'
import type { ClientOptions } from './client-options.ts'
import { LinkError } from './links/link-error.ts'
import { orAborted } from './or-aborted.ts'
import { leavesUnknown } from './running-call.ts'
import { createStreamAccess } from './subscription-access.ts'
import { clientError, foreignAnswer, toCallError } from './to-call-error.ts'

/** Bounds of the random waits, in milliseconds. */
const BACKOFF = { baseMs: 100, capMs: 5_000 }

const MAX_ATTEMPTS = 3

/** What a proxy says in the place of a server that is not there, or is too slow. */
const GATEWAY = new Set([502, 503, 504])

/** `fetch`, as far as it is needed. */
export type Send = (url: string, init: RequestInit) => Promise<Response>

/** One request to the files of a server. */
export interface FileRequest {
  readonly method: 'GET' | 'POST'
  /** Behind `/files`. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** The body, anew for each attempt. */
  readonly body?: () => BodyInit
  /** Instead of `fetch`. */
  readonly send?: Send
}

export interface FileCallOptions {
  readonly kind: 'query' | 'mutation'
  readonly signal: AbortSignal | undefined
  /** Whether it may be made again although nobody knows what became of it. */
  readonly isRepeatable: boolean
}

/** A file that goes or comes, over all of its attempts: as one user, and with the client's session. */
export interface FileCall {
  /** How often an attempt is made at most. */
  readonly maxAttempts: number
  /** The answer of a server that has nothing against it. Rejects with a `CallError`. */
  ask(request: FileRequest): Promise<Response>
  /** Runs an attempt, and again where that makes sense and can do no harm. */
  again<T>(attempt: () => Promise<T>): Promise<T>
  /** Waits before another attempt, after so many that have failed. Rejects with `ABORTED`. */
  rest(failures: number): Promise<void>
  /** What an error of an attempt means. */
  explain(error: unknown): CallError
}

export function startFileCall(client: ClientHandle, call: FileCallOptions): FileCall {
  const options = optionsOf(client)
  const { kind, signal, isRepeatable } = call
  const access = createStreamAccess(options)
  const explain = (error: unknown) =>
    signal?.aborted ? clientError('ABORTED', signal.reason) : toCallError(error, kind)

  const maxAttempts = isRepeatable ? attemptsOf(options) : 1

  async function ask(request: FileRequest): Promise<Response> {
    if (signal?.aborted) throw clientError('ABORTED', signal.reason)
    const headers = await access.headers()
    for (const [name, value] of Object.entries(request.headers ?? {})) headers.set(name, value)
    const response = await orAborted(send(options, request, { headers, signal }), signal)
    if (response.ok) return response
    throw await refusalOf(response)
  }

  return {
    maxAttempts,
    explain,
    async rest(failures) {
      const ms = BACKOFF.baseMs + backoffMs(failures, BACKOFF)
      await sleep(ms, { ...(signal && { signal }) }).catch((error: unknown) => {
        throw explain(error)
      })
    },
    async ask(request) {
      try {
        return await ask(request)
      } catch (error) {
        const isRefused = explain(error).reason === commonErrors.UNAUTHENTICATED.reason
        if (!isRefused || !isRepeatable || !(await access.renew())) throw explain(error)
      }
      return ask(request).catch((error: unknown) => {
        throw explain(error)
      })
    },
    async again(attempt) {
      let isUnknown = false
      try {
        return await retry(attempt, {
          ...BACKOFF,
          maxAttempts,
          ...(signal && { signal }),
          isRetryable(error) {
            const failed = explain(error)
            isUnknown ||= leavesUnknown(failed.reason)
            return isWorthAnother(failed)
          },
        })
      } catch (error) {
        const failed = explain(error)
        const saysNothing = failed.reason !== 'ABORTED' && !isTold(failed)
        throw isUnknown && saysNothing ? clientError('OUTCOME_UNKNOWN', failed) : failed
      }
    },
  }
}

function attemptsOf({ retry: policy }: ClientOptions): number {
  return policy === false ? 1 : (policy?.maxAttempts ?? MAX_ATTEMPTS)
}

function isWorthAnother(error: CallError): false | Retryable {
  const { reason, retryable, retryAfterMs } = error
  const foreign = foreignAnswer(error.cause)
  const isFromGateway = reason === 'BAD_RESPONSE' && GATEWAY.has(foreign.status ?? 0)
  const isWorth = retryable || leavesUnknown(reason) || isFromGateway
  return isWorth && { retryAfterMs: retryAfterMs ?? foreign.retryAfterMs }
}

/** Whether an error says what became of an attempt before it, which may have made the file. */
function isTold({ reason, requestId }: CallError): boolean {
  return requestId !== undefined && !Object.hasOwn(commonErrors, reason)
}

interface Outgoing {
  readonly headers: Headers
  readonly signal: AbortSignal | undefined
}

async function send(
  options: ClientOptions,
  { method, path, body, send: own }: FileRequest,
  { headers, signal }: Outgoing,
): Promise<Response> {
  const fetch = own ?? options.fetch ?? globalThis.fetch
  const hasCookies = options.cookies ?? (options.session && 'cookies' in options.session)
  const init: RequestInit & { duplex?: 'half' } = {
    method,
    headers,
    cache: 'no-store',
    ...(body && { body: body(), duplex: 'half' }), // a body that is a stream needs it; no types know it
    ...(signal && { signal }),
    ...(hasCookies && { credentials: 'include' }),
  }
  try {
    return await fetch(filesUrl(options.url) + path, init)
  } catch (cause) {
    throw new LinkError('connection', { cause })
  }
}

/** They are beside the procedures. The address may be relative to a page. */
function filesUrl(url: string): string {
  return `${url.replace(/\/+$/, '').replace(/\/[^/]*$/, '')}/files`
}

/** What a server says against a request, or that it is somebody else's answer. */
async function refusalOf(response: Response): Promise<Error> {
  const { status, headers } = response
  if (status === 416) return noSuchPart()
  try {
    const answer: unknown = JSON.parse(await response.text())
    const shape = typeof answer === 'object' && answer !== null && 'error' in answer && answer.error
    const { message, data } = decoded<{ message: string; data: ErrorBody }>(shape)
    if (typeof data.reason === 'string') return new CallError(data, { message })
    throw new TypeError('The answer is no error of a Tautline server.')
  } catch (cause) {
    const retryAfterMs = parseRetryAfter(headers.get('retry-after'), Date.now())
    return new LinkError('answer', { cause, status, retryAfterMs })
  }
}

/** What is said of a part that a file does not have. */
export function noSuchPart(): CallError {
  const { reason, retryable, message } = commonErrors.BAD_INPUT
  const issue = { path: ['range'], code: 'too_big', message: 'The file has no such part.' }
  return new CallError({ reason, retryable, issues: [issue] }, { message })
}

/** What a server has encoded; whoever asks looks at what it uses. */
export function decoded<T>(payload: unknown): T {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- a server has written it
  return wire.output.deserialize(payload as Parameters<typeof wire.output.deserialize>[0]) as T
}
