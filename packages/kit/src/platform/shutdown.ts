import type { Logger } from './logger.ts'

/** Closes what was opened, in reverse. */
export interface Shutdown {
  /** Remembers how to close something that has just been opened. */
  readonly add: (name: string, close: () => Promise<unknown>) => void
  /**
   * Closes everything, last opened first, one after the other. A part that fails to close is
   * logged and does not keep the others open. Later calls wait for the first.
   */
  readonly run: () => Promise<void>
}

export function createShutdown(log: Logger): Shutdown {
  const parts: { name: string; close: () => Promise<unknown> }[] = []
  let closing: Promise<void> | undefined

  async function closeAll() {
    for (const { name, close } of parts.reverse()) {
      try {
        await close()
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
