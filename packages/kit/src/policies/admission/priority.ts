/** In the order in which they are let in. */
export const PRIORITIES = ['critical', 'normal', 'sheddable'] as const

/** What is given up first when there is too much to do: `sheddable`. */
export type Priority = (typeof PRIORITIES)[number]

/** Up to which share of the limit calls of a priority are let in, whoever runs. */
const SHARES: Readonly<Record<Priority, number>> = { critical: 1, normal: 0.9, sheddable: 0.6 }

/** How many places of a limit are open to a priority. */
export function placesOf(priority: Priority, limit: number): number {
  return Math.max(1, Math.floor(limit * SHARES[priority]))
}
