import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'

import { commonErrors, Failure } from '@tautline/shared'

import type { OpenFile, StoredFile } from '../file-types.ts'
import { FILE_NOT_FOUND } from '../files/errors.ts'
import { identityOf } from '../rpc/handler-context.ts'
import type { RawCall } from '../rpc/raw-call.ts'
import { etagOf, judge, lastModifiedOf, type Verdict } from './conditions.ts'
import { FILES_PATH } from './definition.ts'
import { attachment } from './disposition.ts'
import { watchStall, type StallWatch } from './stall-watch.ts'
import type { FileRequest, TransferParts } from './transfer.ts'

/** `GET /files/<id>`, or `HEAD`: a file of the caller's own, or a part of it. */
export async function download(
  http: FileRequest,
  call: RawCall,
  { files, policy, gates, sent }: TransferParts,
): Promise<void> {
  const { request, response, url } = http
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    throw new Failure(commonErrors.METHOD_NOT_SUPPORTED)
  }
  await gates.admit()
  const owner = identityOf(gates.caller())
  await gates.place(owner, async () => {
    await using open = await files.open(owner, url.pathname.slice(FILES_PATH.length + 1))
    if (!open) throw new Failure(FILE_NOT_FOUND)
    const verdict = judge(open.file, asked(request))
    response.writeHead(verdict.status, headersOf(open.file, verdict))
    const isSent = request.method === 'GET' && (verdict.status === 200 || verdict.status === 206)
    if (!isSent) return void response.end()
    const { signal } = call.scope
    const onStall = () => call.giveUp(new Failure(commonErrors.DEADLINE_EXCEEDED))
    using waiting = watchStall({ ...policy, onStall })
    const parts = { sent, waiting }
    await pipeline(taken(streamOf(open, verdict), parts), response, { signal })
  })
}

/** What is sent is nothing that a browser shows, runs, or guesses at. */
function headersOf(file: StoredFile, verdict: Verdict): Record<string, string> {
  const always = {
    etag: etagOf(file),
    'last-modified': lastModifiedOf(file),
    // Bytes that a proxy has changed have neither this tag nor these parts.
    'cache-control': 'private, no-cache, no-transform',
    'accept-ranges': 'bytes',
  }
  if (verdict.status === 304) return always
  if (verdict.status === 412) return { ...always, 'content-length': '0' }
  if (verdict.status === 416) {
    return { ...always, 'content-length': '0', 'content-range': `bytes */${file.size}` }
  }
  const { contentType } = file
  const length = verdict.status === 206 ? verdict.range.end - verdict.range.start + 1 : file.size
  return {
    ...always,
    'content-type': contentType === 'text/plain' ? `${contentType}; charset=utf-8` : contentType,
    'content-length': String(length),
    'content-disposition': attachment(file.name),
    'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
    ...(verdict.status === 206 && {
      'content-range': `bytes ${verdict.range.start}-${verdict.range.end}/${file.size}`,
    }),
  }
}

function streamOf(open: OpenFile, verdict: Verdict): AsyncIterable<Buffer> {
  return verdict.status === 206 ? open.stream(verdict.range) : open.stream()
}

/** Parts are for `GET` alone: RFC 9110, 14.2. */
function asked({ method, headers }: IncomingMessage): IncomingHttpHeaders {
  return method === 'GET' ? headers : { ...headers, range: undefined }
}

/** Counts what the reader takes, and how long that lasts. */
async function* taken(
  source: AsyncIterable<Buffer>,
  { sent, waiting }: Pick<TransferParts, 'sent'> & { readonly waiting: StallWatch },
) {
  for await (const chunk of source) {
    sent.bytes += chunk.length
    waiting.begin()
    yield chunk
    waiting.end(chunk.length)
  }
  waiting.begin() // for the last of them
}
