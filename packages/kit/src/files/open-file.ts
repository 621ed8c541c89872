import { Readable } from 'node:stream'

import type { OpenFile, StoredFile } from '../file-types.ts'
import type { OpenBytes } from '../platform/file-storage/file-storage.ts'

/** A file with its bytes. Throws when they are not there, or not all of them. */
export async function openFile(file: StoredFile, bytes: OpenBytes | undefined): Promise<OpenFile> {
  if (bytes?.size !== file.size) {
    await bytes?.[Symbol.asyncDispose]()
    throw new Error(`The bytes of the file ${file.id} are not there, or not all of them.`)
  }
  return {
    file,
    stream(range = { start: 0, end: file.size - 1 }) {
      if (file.size === 0) return Readable.from([])
      const part = exactly(bytes.stream(range), range.end - range.start + 1)
      return Readable.from(part, { objectMode: false })
    },
    [Symbol.asyncDispose]: () => bytes[Symbol.asyncDispose](),
  }
}

/** An end that comes too soon must not look like one. */
async function* exactly(source: AsyncIterable<Buffer>, bytes: number) {
  let left = bytes
  for await (const chunk of source) {
    left -= chunk.length
    yield chunk
  }
  if (left > 0) throw new Error('The bytes of a file ended too soon.')
}
