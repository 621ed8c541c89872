import { optionsOf, type ClientHandle } from './client-handle.ts'
import { decoded, startFileCall } from './files-call.ts'
import { LinkError } from './links/link-error.ts'
import { randomId } from './session-store.ts'
import type { StoredFile, TransferProgress } from './stored-file.ts'
import { clientError } from './to-call-error.ts'
import { streamOf, toSource, type UploadData, type UploadSource } from './upload-source.ts'
import { hasUploadProgress, sendByXhr } from './xhr-send.ts'

export interface UploadOptions {
  /** For people; 1 to 255 characters. Default: that of a `File`, else `file`. */
  readonly name?: string
  /** How many bytes will come, where the data does not say: what does not fit is refused at once. */
  readonly size?: number
  /** Told as bytes leave. Where a browser cannot say, at the end alone. */
  readonly onProgress?: (progress: TransferProgress) => void
  /** Rejects the upload with `ABORTED`; the server keeps nothing, unless it had everything already. */
  readonly signal?: AbortSignal
  /**
   * Instead of a key that the client makes: uploads with the same one are one file, also after a page
   * was reloaded. 1 to 255 printable ASCII characters.
   */
  readonly idempotencyKey?: string
}

/**
 * Uploads a file, and resolves to what the server has made of it:
 *
 * ```ts
 * const file = await uploadFile(client, blob, { name: 'photo.png', onProgress, signal })
 * ```
 *
 * A `Blob` or bytes are sent again where that makes sense, and are one file all the same. A stream goes
 * out once, and no faster than the network takes it; browsers send it when all of it has come. Rejects
 * with a `CallError`: `FILE_TOO_LARGE`, `QUOTA_EXCEEDED`, `UPLOAD_INCOMPLETE`, `STORAGE_FULL`, or a
 * reason that any call has; `NOT_SENT` when the data itself fails.
 */
export async function uploadFile(
  client: ClientHandle,
  data: UploadData,
  options: UploadOptions = {},
): Promise<StoredFile> {
  const { signal, onProgress } = options
  const source = toSource(data)
  const size = source.size ?? options.size
  const { retry, fetch } = optionsOf(client)
  const call = startFileCall(client, {
    kind: 'mutation',
    signal,
    isRepeatable: source.isRepeatable,
  })
  const key =
    options.idempotencyKey ?? (source.isRepeatable && retry !== false ? randomId() : undefined)
  const request = {
    method: 'POST' as const,
    path: `?${queryOf(options.name ?? nameOf(data), size)}`,
    headers: {
      'content-type': 'application/octet-stream',
      ...(key !== undefined && { 'idempotency-key': key }),
    },
  }
  const report = (bytes: number) => onProgress?.({ bytes, totalBytes: size })

  return call.again(async () => {
    if (isBrowser()) {
      const body = await source.whole().catch((cause: unknown) => {
        throw clientError('NOT_SENT', cause)
      })
      const isTold = onProgress && !fetch && hasUploadProgress()
      const send = isTold ? { send: sendByXhr(report) } : {}
      const file = await fileIn(await call.ask({ ...request, body: () => body, ...send }))
      report(body.size)
      return file
    }
    const bytes = watched(source, report)
    try {
      return await fileIn(await call.ask({ ...request, body: bytes.open }))
    } catch (error) {
      throw bytes.failure ? clientError('NOT_SENT', bytes.failure.cause) : error
    } finally {
      bytes.close()
    }
  })
}

function queryOf(name: string | undefined, size: number | undefined): string {
  const query = new URLSearchParams()
  if (name !== undefined) query.set('name', name)
  if (size !== undefined) query.set('size', String(size))
  return query.toString()
}

function nameOf(data: UploadData): string | undefined {
  return typeof File !== 'undefined' && data instanceof File ? data.name : undefined
}

/** Where a request body that is a stream works at best sometimes. */
function isBrowser(): boolean {
  return 'XMLHttpRequest' in globalThis || 'ServiceWorkerGlobalScope' in globalThis
}

/** Counts the bytes as they leave, and remembers when the source itself has failed. */
function watched(source: UploadSource, report: (bytes: number) => void) {
  let failure: { readonly cause: unknown } | undefined
  let current: ReturnType<typeof counted> | undefined
  let isOver = false

  async function* counted() {
    let sent = 0
    try {
      for await (const piece of source.open()) {
        if (isOver) return
        yield piece
        sent += piece.length
        report(sent)
      }
    } catch (cause) {
      failure = { cause }
      throw cause
    }
  }

  return {
    get failure() {
      return failure
    },
    open: () => {
      current = counted()
      return streamOf(current)
    },
    /** Some go on reading a body whose request is over, to its end. */
    close() {
      isOver = true
      current?.return().catch(() => {})
    },
  }
}

async function fileIn(response: Response): Promise<StoredFile> {
  const { status } = response
  const text = await response.text().catch((cause: unknown) => {
    throw new LinkError('connection', { cause })
  })
  try {
    const answer: unknown = JSON.parse(text)
    const { result } = decodable(answer)
    return decoded<StoredFile>(result.data)
  } catch (cause) {
    throw new LinkError('answer', { cause, status })
  }
}

function decodable(answer: unknown): { readonly result: { readonly data: unknown } } {
  const isAnswer = typeof answer === 'object' && answer !== null && 'result' in answer
  const result = isAnswer ? answer.result : undefined
  if (typeof result === 'object' && result !== null && 'data' in result) {
    return { result: { data: result.data } }
  }
  throw new TypeError('The answer is none of a Tautline server.')
}
