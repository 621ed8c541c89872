import { systemClock } from '../../platform/clock.ts'
import { measure } from '../../platform/cost.fixture.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { createAdmission } from './admission.ts'
import { startPressureGauge } from './pressure.ts'

/** What letting in and refusing cost, for `bench/policies.ts`. */

const gauge = startPressureGauge({ clock: systemClock, metrics: createMetrics() })
const admission = createAdmission({
  maxRunning: 20,
  maxQueued: 100,
  clock: systemClock,
  metrics: createMetrics(),
  pressure: () => gauge.read(),
})

async function visit(): Promise<void> {
  const admitted = await admission.enter({ priority: 'normal', deadlineMs: 5_000 })
  if (admitted.admitted) admitted.release()
}

await measure('admission, free', { times: 100_000 }, visit)
await measure('admission, most of them waiting', { times: 100_000, atOnce: 100 }, visit)

const full = { priority: 'critical', cost: 20, deadlineMs: 5_000 } as const
const inside = await admission.enter(full)
const leaving = new AbortController()
const waiting = Array.from({ length: 100 }, () =>
  admission.enter({ ...full, deadlineMs: 60_000, signal: leaving.signal }),
)
await measure('admission, refused', { times: 100_000 }, () =>
  admission.enter({ priority: 'sheddable', deadlineMs: 5_000 }),
)
leaving.abort()
await Promise.allSettled(waiting)
if (inside.admitted) inside.release()
gauge.close()
