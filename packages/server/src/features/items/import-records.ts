/** The longest record of a file, in bytes: many times what an item takes. */
export const MAX_RECORD_BYTES = 65_536

export const NEWLINE = 0x0a

export const NOT_TEXT = 'The row is not text in UTF-8.'

/** What a record says, by name. */
export type Fields = Readonly<Record<string, unknown>>

/** One record of a file, and where the next one begins, in bytes of the file. */
export type FileRecord<T = Fields> =
  | { readonly end: number; readonly value: T; readonly problem?: undefined }
  | { readonly end: number; readonly problem: string }

/** The records at the beginning of some bytes. */
export interface Cut<T = Fields> {
  readonly records: readonly FileRecord<T>[]
  /** Bytes that are done with. */
  readonly taken: number
  /** Why the record that begins there cannot be read, whatever follows. */
  readonly broken?: string
}

/** Where the bytes stand in the file, and whether nothing follows them. */
export interface Place {
  readonly at: number
  readonly isLast: boolean
}

/** How records are written down. */
export interface RecordFormat {
  /** Takes the whole records of some bytes that begin with one; all of them if nothing follows. */
  cut(bytes: Buffer, place: Place): Cut
  /** What is said of a record that is too long. */
  readonly tooLong: string
}

/**
 * The records of a file from one of them on, as its bytes come. What cannot be read costs its line:
 * reading goes on after the next end of a line. Where records begin and end depends on the bytes alone,
 * and neither on how they come nor on where reading began; never more than two chunks are in memory.
 */
export async function* readRecords(
  chunks: AsyncIterable<Buffer>,
  format: RecordFormat,
  from: number,
): AsyncGenerator<FileRecord[], void> {
  const reader = createReader(format, from)
  for await (const chunk of chunks) {
    reader.add(chunk)
    yield [...reader.take({ isLast: false })]
  }
  yield [...reader.take({ isLast: true })]
}

function createReader(format: RecordFormat, from: number) {
  let rest: Buffer = Buffer.alloc(0)
  let at = from
  /** Why the line that we are in is passed over. */
  let lost: string | undefined

  function drop(bytes: number): void {
    rest = rest.subarray(bytes)
    at += bytes
  }

  /** The record whose line is passed over, at the end of it. */
  function passOver(problem: string, isLast: boolean): FileRecord | undefined {
    const end = rest.indexOf(NEWLINE)
    drop(end === -1 ? rest.length : end + 1)
    if (end === -1 && !isLast) return undefined
    lost = undefined
    return { end: at, problem }
  }

  return {
    add(chunk: Buffer): void {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    },
    *take({ isLast }: { readonly isLast: boolean }): Generator<FileRecord, void> {
      for (;;) {
        if (lost !== undefined) {
          const record = passOver(lost, isLast)
          if (!record) return
          yield record
        }
        // So that a record is too long, or is not, however much of it has come.
        const head = rest.subarray(0, MAX_RECORD_BYTES)
        const place = { at, isLast: isLast && head.length === rest.length }
        const { records, taken, broken } = format.cut(head, place)
        yield* records
        drop(taken)
        if (broken !== undefined) lost = broken
        else if (taken === 0 && head.length < MAX_RECORD_BYTES) return
        else if (taken === 0) lost = format.tooLong
      }
    },
  }
}
