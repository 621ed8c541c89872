import type { Clock } from '../../platform/clock.ts'
import { createLimit, type Pressure } from './limit.ts'
import { placesOf, type Priority } from './priority.ts'

/** Weight of the newest visit in the mean. */
const NEWEST = 0.1

/** The places of those who run, under the limit of the moment. */
export interface Places {
  readonly taken: number
  readonly limit: number
  /** How long a place was taken, as a mean that follows, in milliseconds. 0 before the first one. */
  readonly serviceMs: number
  /** How many are open to a priority, taken or not. */
  readonly openTo: (priority: Priority) => number
  /** Whether `take` would take so many. */
  readonly hasRoomFor: (priority: Priority, size: number) => boolean
  /** Takes so many, if there are. What is too large for a limit that was halved runs alone. */
  readonly take: (priority: Priority, size: number) => boolean
  /** Returns the way to give them back; a second time does nothing. */
  readonly hold: (size: number, onFree: () => void) => () => void
  /** Takes the pressure into account. */
  readonly update: () => void
}

interface PlacesOptions {
  readonly max: number
  readonly clock: Clock
  readonly pressure: () => Pressure
}

export function createPlaces(options: PlacesOptions): Places {
  const { clock } = options
  const limit = createLimit(options)
  let taken = 0
  let serviceMs = 0
  const openTo = (priority: Priority) => placesOf(priority, limit.value)
  const hasRoomFor = (priority: Priority, size: number) =>
    taken === 0 || taken + size <= openTo(priority)

  return {
    get taken() {
      return taken
    },
    get limit() {
      return limit.value
    },
    get serviceMs() {
      return serviceMs
    },
    openTo,
    hasRoomFor,
    take(priority, size) {
      if (!hasRoomFor(priority, size)) return false
      taken += size
      return true
    },
    hold(size, onFree) {
      const startedAt = clock.now().getTime()
      let held = true
      return () => {
        if (!held) return
        held = false
        taken -= size
        const spentMs = Math.max(0, clock.now().getTime() - startedAt)
        serviceMs += (serviceMs === 0 ? 1 : NEWEST) * (spentMs - serviceMs)
        limit.update()
        onFree()
      }
    },
    update: limit.update,
  }
}
