import type { Notifications } from '../db/notifications.ts'
import type { Metrics } from '../platform/metrics.ts'
import { TASK_CHANNEL } from './events.ts'

export interface DoorbellOptions {
  readonly notifications: Notifications
  readonly metrics: Metrics
}

/** Tells that a task may have changed: a hint, and never what has changed. */
export interface Doorbell {
  /**
   * Calls `ring` each time the task may have changed, and when hints may have been missed. Returns its
   * undo. A hint can be lost with its connection: whoever must know looks now and then by themselves.
   */
  on(taskId: string, ring: () => void): () => void
  close(): void
}

/** One ear of a process for all of its tasks. The gauge `task_bells` has how many wait for a ring. */
export function createDoorbell({ notifications, metrics }: DoorbellOptions): Doorbell {
  const bells = new Map<string, Set<() => void>>()
  const removeGauge = metrics.gauge('task_bells', () => bells.size)
  const ear = notifications.listen(TASK_CHANNEL, {
    onMessage(taskId) {
      for (const ring of bells.get(taskId) ?? []) ring()
    },
    onUp() {
      for (const rings of bells.values()) for (const ring of rings) ring()
    },
  })
  return {
    on(taskId, ring) {
      const rings = bells.get(taskId) ?? new Set()
      bells.set(taskId, rings.add(ring))
      return () => {
        rings.delete(ring)
        if (rings.size === 0 && bells.get(taskId) === rings) bells.delete(taskId)
      }
    },
    close() {
      ear.close()
      bells.clear()
      removeGauge()
    },
  }
}
