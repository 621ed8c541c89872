import { orAborted } from './abort.ts'
import { createWaitingLine } from './waiting-line.ts'

/** Where slots are had. */
export interface SlotSource {
  /** Waits for a slot. Rejects with the reason of the signal. */
  take(signal: AbortSignal | undefined): Promise<void>
  /** Hands one that is held to the next, or leaves it free. */
  give(): void
}

/** A number of slots, each of which one holds at a time. First come, first served. */
export interface Slots extends SlotSource {
  readonly held: number
  readonly waiting: number
}

export function createSlots(max: number): Slots {
  const line = createWaitingLine()
  let held = 0
  return {
    get held() {
      return held
    },
    get waiting() {
      return line.length
    },
    async take(signal) {
      signal?.throwIfAborted()
      if (held === max) await line.join({ signal }) // it is handed over: `held` stays
      else held++
    },
    give() {
      if (!line.end('called')) held--
    },
  }
}

/**
 * One slot for all parts of one piece of work: the first that asks waits for it, those that ask
 * while it is held wait for nothing, and the last that gives it back gives it up. So work never
 * waits for what it holds itself.
 */
export function createSharedSlot(slots: SlotSource): SlotSource {
  let holders = 0
  let asking: Promise<void> | undefined
  return {
    async take(signal) {
      // Again after each: who asked first may have left without it.
      for (let first = asking; first; first = asking) await orAborted(first, signal)
      signal?.throwIfAborted()
      if (holders > 0) {
        holders++
        return
      }
      const asked = Promise.withResolvers<void>()
      asking = asked.promise
      try {
        await slots.take(signal)
        holders++
      } finally {
        asking = undefined
        asked.resolve()
      }
    },
    give() {
      if (--holders === 0) slots.give()
    },
  }
}
