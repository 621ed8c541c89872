import type { ServerResponse } from 'node:http'

/** After so long without an event there is a sign of life, in milliseconds. */
const PING_MS = 15_000

/** A reader who hears nothing for this many of them takes the connection for lost. */
const SILENCE_IN_PINGS = 2.5

/** A reader who takes nothing for this many of them is given up. */
const STALL_IN_PINGS = 3

/** Who takes nothing of the last words for so long is given up, in milliseconds: a stop waits for them. */
const LAST_WORDS_MS = 2_000

/** So much goes out at once, in characters. */
const MAX_PENDING = 16_384

const HEADERS = {
  'content-type': 'text/event-stream',
  // Nobody on the way may keep events back, to compress them or until there are more.
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}

/** One event of a stream: text without line breaks. */
export interface StreamFrame {
  readonly event?: string
  readonly data: string
  readonly id?: string
}

/** Writes server-sent events to one reader, as fast as they read. */
export interface StreamWriter {
  /**
   * Sends a frame. Resolves when the next one is welcome, or never will be: the signal has aborted,
   * or the reader has left.
   */
  send(frame: StreamFrame): Promise<void>
  /**
   * Sends the last one, behind all others. Once the signal has aborted it waits for nobody: who is not
   * reading then is left without words.
   */
  end(last: StreamFrame | { readonly retryMs: number }): Promise<void>
}

export interface StreamWriterOptions {
  /** Ends all waiting for a reader. */
  readonly signal: AbortSignal
  readonly pingMs?: number
}

/**
 * Begins a stream in the format of tRPC's own (`connected`, `ping`, `serialized-error`, `return`),
 * which all its clients read. Tells how long a silence means that the connection is lost. Frames of one
 * turn of the event loop go out together, and after 16 KB of them others have their turn. What waits
 * for a slow reader is that much, one event, and the buffer of the socket.
 */
export function openStreamWriter(
  response: ServerResponse,
  { signal, pingMs = PING_MS }: StreamWriterOptions,
): StreamWriter {
  const silenceMs = pingMs * SILENCE_IN_PINGS
  const options = JSON.stringify({ reconnectAfterInactivityMs: silenceMs })
  let pending = textOf({ event: 'connected', data: options })
  let flushing: Promise<void> | undefined
  const isStalled = createStallCheck(response)
  const timer = setTimeout(ping, pingMs)
  response.writeHead(200, HEADERS)
  response.once('close', () => clearTimeout(timer))
  response.on('timeout', () => response.destroy())

  function ping() {
    if (isStalled()) return void response.destroy()
    if (pending === '') pending = textOf({ event: 'ping', data: '' })
    flushing ??= flush()
    timer.refresh()
  }

  async function flush(): Promise<void> {
    while (pending !== '' && !response.destroyed) {
      await new Promise((resolve) => setImmediate(resolve))
      const text = pending
      pending = ''
      await write(text)
    }
    flushing = undefined
  }

  async function write(text: string): Promise<void> {
    if (text === '' || response.writableEnded || response.write(text)) return
    response.setTimeout(pingMs * STALL_IN_PINGS) // a write that goes on, however slowly, counts
    await drained(response, signal)
    response.setTimeout(0)
  }

  flushing = flush()
  return {
    async send(frame) {
      if (response.destroyed) return
      timer.refresh()
      pending += textOf(frame)
      flushing ??= flush()
      if (pending.length > MAX_PENDING) await flushing
    },
    async end(last) {
      if (!signal.aborted) await flushing
      clearTimeout(timer)
      if (response.destroyed) return
      if (response.writableNeedDrain) return void response.destroy()
      const text = 'retryMs' in last ? `retry: ${Math.ceil(last.retryMs)}\n\n` : textOf(last)
      response.setTimeout(LAST_WORDS_MS)
      response.end(pending + text)
      pending = ''
    },
  }
}

/**
 * To be asked at each sign of life: whether the reader takes nothing any more of what waits for them. It
 * may be so little that no write has to wait for it.
 */
function createStallCheck(response: ServerResponse): () => boolean {
  let untaken = 0
  let pings = 0
  return () => {
    const length = response.writableLength
    pings = length > 0 && length >= untaken ? pings + 1 : 0
    untaken = length
    return pings > STALL_IN_PINGS
  }
}

/** Resolves when the reader has taken what was written, has left, or nobody waits any more. */
function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    function end() {
      response.off('drain', end)
      response.off('close', end)
      signal.removeEventListener('abort', end)
      resolve()
    }
    response.once('drain', end)
    response.once('close', end)
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted || response.destroyed) end()
  })
}

/** The id comes last: a frame that was cut off is none, and its reader resumes before it. */
function textOf({ event, data, id }: StreamFrame): string {
  return [
    ...(event === undefined ? [] : [`event: ${event}`]),
    `data: ${data}`,
    ...(id === undefined ? [] : [`id: ${id}`]),
    '\n',
  ].join('\n')
}
