import { sleep } from '@tautline/shared'

import type { Logger } from './logger.ts'

/** Closes what was opened, in reverse. */
export interface Shutdown {
  /** Remembers how to close something that has just been opened. */
  readonly add: (name: string, close: () => Promise<unknown>) => void
  /**
   * Closes everything, last opened first, one after the other. A part that fails to close, or does
   * not in time, is logged and does not keep the others open. Later calls wait for the first.
   */
  readonly run: () => Promise<void>
}

/** Longest that one part may take to close, in milliseconds; a drain has its own, shorter limit. */
const PART_TIMEOUT_MS = 60_000

export function createShutdown(log: Logger, partTimeoutMs = PART_TIMEOUT_MS): Shutdown {
  const parts: { name: string; close: () => Promise<unknown> }[] = []
  let closing: Promise<void> | undefined

  async function closeAll() {
    for (const { name, close } of parts.reverse()) {
      try {
        await withinTime(close(), partTimeoutMs)
      } catch (error) {
        log.error({ err: error, part: name }, 'a part did not close cleanly')
      }
    }
  }

  return {
    add: (name, close) => parts.push({ name, close }),
    run: () => (closing ??= closeAll()),
  }
}

async function withinTime(closing: Promise<unknown>, timeoutMs: number): Promise<void> {
  const controller = new AbortController()
  const late = sleep(timeoutMs, { signal: controller.signal }).then(() => {
    throw new Error(`It did not close within ${timeoutMs} ms.`)
  })
  try {
    await Promise.race([closing, late])
  } finally {
    late.catch(() => {})
    controller.abort()
  }
}
