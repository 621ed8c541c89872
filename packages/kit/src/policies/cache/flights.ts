import { orAborted } from '../../platform/abort.ts'

/** Tries of one flight: when the second one fails too, waiting for a third helps nobody. */
const MAX_TRIES = 2

/** What one who asks would do, if it is their turn. */
export type Work<T> = (signal: AbortSignal) => Promise<T>

export interface Landed<T> {
  readonly result: T
  /** Whether it was this one's own work that made the result. */
  readonly own: boolean
}

export interface Flights<T> {
  /** Flights under way. As many as keys that are asked for now. */
  readonly size: number
  has(key: string): boolean
  /**
   * Runs the work, unless work for this key is under way; then its result is this one's too. A
   * failure is told to the one whose work it was, exactly one of the others tries next, and the rest
   * go on waiting; the failure of a second try is told to all. Whoever's signal aborts stops waiting;
   * the work goes on while anybody waits, and is aborted when all have left.
   */
  join(key: string, work: Work<T>, signal?: AbortSignal): Promise<Landed<T>>
}

interface Passenger<T> {
  readonly work: Work<T>
  readonly land: (result: T) => void
  readonly fail: (error: unknown) => void
}

interface Flight<T> {
  readonly passengers: Set<Passenger<T>>
  work: AbortController
}

/** Single flight that stays single when the first one fails. */
export function createFlights<T>(): Flights<T> {
  const flights = new Map<string, Flight<T>>()

  function end(key: string, flight: Flight<T>): void {
    if (flights.get(key) === flight) flights.delete(key)
  }

  function leave(key: string, passenger: Passenger<T>): void {
    const flight = flights.get(key)
    if (!flight?.passengers.delete(passenger) || flight.passengers.size > 0) return
    end(key, flight)
    flight.work.abort(new Error('Nobody waits for this any more.'))
  }

  async function join(key: string, work: Work<T>, signal?: AbortSignal): Promise<Landed<T>> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<Landed<T>>()
    let own = false
    const passenger: Passenger<T> = {
      work: (given) => {
        own = true
        return work(given)
      },
      land: (result) => resolve({ result, own }),
      fail: reject,
    }
    const flight = flights.get(key) ?? { passengers: new Set(), work: new AbortController() }
    flight.passengers.add(passenger)
    if (!flights.has(key)) {
      flights.set(key, flight)
      fly(flight, () => end(key, flight)).catch(reject) // never: it tells its passengers
    }
    const abort = () => leave(key, passenger)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      return await orAborted(promise, signal)
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  return {
    get size() {
      return flights.size
    },
    has: (key) => flights.has(key),
    join,
  }
}

async function fly<T>(flight: Flight<T>, end: () => void): Promise<void> {
  for (let tries = 1; ; tries++) {
    const [pilot] = flight.passengers
    if (!pilot) return
    try {
      flight.work = new AbortController()
      const result = await pilot.work(flight.work.signal)
      end() // before anybody else can join
      for (const passenger of flight.passengers) passenger.land(result)
      return
    } catch (error) {
      const failed = tries < MAX_TRIES ? [pilot] : flight.passengers
      for (const passenger of failed) {
        flight.passengers.delete(passenger)
        passenger.fail(error)
      }
      if (flight.passengers.size === 0) end()
    }
  }
}
