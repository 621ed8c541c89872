/** What can be uploaded. */
export type UploadData = Blob | Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/** The most bytes of one piece: so often is told how far an upload is. */
const PIECE_BYTES = 65_536

/** The bytes of an upload. */
export interface UploadSource {
  /** How many there are, where that is known. */
  readonly size: number | undefined
  /** Whether they can be had more than once. */
  readonly isRepeatable: boolean
  /** All of them, as they are asked for. */
  open(): AsyncGenerator<Uint8Array<ArrayBuffer>, void>
  /** All of them at once. */
  whole(): Promise<Blob>
}

export function toSource(data: UploadData): UploadSource {
  const open = () => pieces(data instanceof Blob ? data.stream() : data)
  if (data instanceof Blob) {
    return { size: data.size, isRepeatable: true, open, whole: async () => data }
  }
  if (data instanceof Uint8Array) {
    const whole = async () => new Blob([plain(data)])
    return { size: data.length, isRepeatable: true, open, whole }
  }
  return {
    size: undefined,
    isRepeatable: false,
    open,
    whole: () => new Response(streamOf(open())).blob(),
  }
}

async function* pieces(
  data: Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  if (data instanceof Uint8Array) return yield* cut(data)
  for await (const piece of data instanceof ReadableStream ? iterate(data) : data) {
    // What is no bytes would be sent as text by some, and refused in the middle by others.
    if (!(piece instanceof Uint8Array))
      throw new TypeError('A piece of an upload is no Uint8Array.')
    yield* cut(piece)
  }
}

function* cut(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>, void> {
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    yield plain(bytes.subarray(from, from + PIECE_BYTES))
  }
}

/** `fetch` takes no bytes of memory that is shared between threads. */
function plain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = bytes
  return buffer instanceof ArrayBuffer ? new Uint8Array(buffer, byteOffset, length) : bytes.slice()
}

/** Not every browser can iterate over a stream. */
async function* iterate(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    reader.cancel().catch(() => {}) // of one that has ended it does nothing
  }
}

/** A stream that asks for nothing ahead of its reader. */
export function streamOf<T extends Uint8Array>(bytes: AsyncGenerator<T, void>): ReadableStream<T> {
  return new ReadableStream<T>(
    {
      async pull(controller) {
        const { done, value } = await bytes.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await bytes.return()
      },
    },
    { highWaterMark: 0 },
  )
}
