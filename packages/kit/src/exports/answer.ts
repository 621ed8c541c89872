import type { RawRequest } from '../rpc/raw-call.ts'
import { openBody, type Body } from './body.ts'
import type { ExportCall } from './call.ts'
import type { ExportPolicy } from './definition.ts'
import { acceptedEncoding } from './encodings.ts'

const DEFAULT_STALL_TIMEOUT_MS = 60_000

export interface AnswerParts {
  readonly http: RawRequest
  readonly call: ExportCall
  readonly policy: ExportPolicy
  readonly contentType: string
  readonly fileName: string
  /** Headers that the gates have to say. */
  readonly headers: Readonly<Record<string, string>>
}

/** Says the head of an answer that is there to be kept as a file, and opens its body. */
export function openAnswer(parts: AnswerParts): Body {
  const { http, call, policy, contentType, fileName, headers } = parts
  const { request, response } = http
  const encoding = acceptedEncoding(request.headers['accept-encoding'])
  call.sent.encoding = encoding
  response.appendHeader('vary', 'accept-encoding')
  response.writeHead(200, {
    ...headers,
    'content-type': contentType,
    'content-disposition': `attachment; filename="${fileName}"`,
    ...(encoding !== 'identity' && { 'content-encoding': encoding }),
  })
  return openBody(response, {
    encoding,
    signal: call.scope.signal,
    stallTimeoutMs: policy.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS,
    giveUp: call.giveUp,
  })
}
