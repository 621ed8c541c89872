import type { ClientHandle } from './client-handle.ts'
import { reported, resumed, verified, type Opened } from './download-bytes.ts'
import { checkRange, factsOf, type Range } from './download-facts.ts'
import { startFileCall } from './files-call.ts'
import type { TransferProgress } from './stored-file.ts'
import { streamOf } from './upload-source.ts'

export interface DownloadOptions {
  /** Rejects the download with `ABORTED`, and breaks off its stream. */
  readonly signal?: AbortSignal
  /** Told as bytes come, of those that were asked for. */
  readonly onProgress?: (progress: TransferProgress) => void
  /** A part of the file: the first and the last byte, counted from 0. Default: all of it. */
  readonly range?: { readonly start: number; readonly end?: number }
  /**
   * Checks the bytes of a whole file against its hash: the stream fails with `BAD_RESPONSE` at its end
   * where they differ. It takes about a second for 150 MB. Default false.
   */
  readonly verify?: boolean
}

/** A file on its way. Its bytes are read once, by one of the methods. */
export interface Download {
  /** Harmless as the name of a file. */
  readonly name: string
  readonly contentType: string
  /** Of the whole file, in bytes. */
  readonly size: number
  /** Of the whole file, in hex. */
  readonly sha256: string
  /** The bytes, as they are asked for; canceling it ends the download. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>
  bytes(): Promise<Uint8Array<ArrayBuffer>>
  blob(): Promise<Blob>
  text(): Promise<string>
}

/**
 * Downloads a file of the caller's:
 *
 * ```ts
 * const file = await downloadFile(client, id, { signal })
 * for await (const piece of file.stream()) …
 * ```
 *
 * Where the connection breaks it goes on from the byte where it was. Rejects with a `CallError`, and so
 * does its stream: `FILE_NOT_FOUND`, or a reason that any call has.
 */
export async function downloadFile(
  client: ClientHandle,
  id: string,
  options: DownloadOptions = {},
): Promise<Download> {
  const { signal, range = { start: 0 }, verify = false } = options
  const call = startFileCall(client, { kind: 'query', signal, isRepeatable: true })
  const path = `/${encodeURIComponent(id)}`
  // A range also where all is wanted: what is sent in part is told with its whole size, and no proxy
  // compresses it.
  async function open(part: Range): Promise<Opened> {
    const headers = { range: `bytes=${part.start}-${part.end ?? ''}` }
    const response = await call.again(() => call.ask({ method: 'GET', path, headers }))
    try {
      return { response, facts: factsOf(response.headers, part) }
    } catch (error) {
      response.body?.cancel().catch(() => {})
      throw error
    }
  }

  checkRange(range)
  const opened = await open(range)
  const { facts } = opened
  const isWhole = range.start === 0 && facts.to === facts.size
  const { name, contentType, size, sha256, from, to } = facts
  let isTaken = false

  function stream() {
    if (isTaken) throw new TypeError('The bytes of this download were read before.')
    isTaken = true
    const all = resumed(call, opened, open)
    const checked = verify && isWhole ? verified(all, sha256) : all
    return streamOf(reported(checked, to - from, options.onProgress))
  }

  return {
    name,
    contentType,
    size,
    sha256,
    stream,
    bytes: async () => new Uint8Array(await new Response(stream()).arrayBuffer()),
    blob: async () => new Blob([await new Response(stream()).arrayBuffer()], { type: contentType }),
    text: () => new Response(stream()).text(),
  }
}
