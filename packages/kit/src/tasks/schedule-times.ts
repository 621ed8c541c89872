import { createRequire } from 'node:module'

import type { PgBoss } from 'pg-boss'

import type { TaskSchedule } from './definition.ts'

type When = Pick<TaskSchedule<unknown>, 'at' | 'timeZone'>

/** Loaded when a schedule asks for it: it takes some 80 ms, and most backends have no schedule. */
const load = createRequire(import.meta.url)

let calendar: PgBoss | undefined

/** pg-boss, which reckons; it is never started. */
function openCalendar(): PgBoss {
  if (calendar) return calendar
  // oxlint-disable-next-line typescript/consistent-type-assertions -- `require` cannot know it
  const { PgBoss: Calendar } = load('pg-boss') as typeof import('pg-boss')
  return (calendar = new Calendar({ db: { executeSql: async () => ({ rows: [] }) } }))
}

/**
 * The first time of a schedule after `from`; null when there is none any more. Throws, with a sentence
 * for people, for what is no schedule.
 */
export function nextTime({ at, timeZone = 'UTC' }: When, from: Date): Date | null {
  if (!isRule(at) && at.trim().split(/\s+/).length !== 5) {
    throw new Error(`"${at}" is neither an RRULE nor cron of five fields`)
  }
  const [next] = openCalendar().previewSchedule(at, { tz: timeZone, from, count: 1 })
  return next ?? null
}

/** Every RRULE has a frequency, and no cron has. */
function isRule(at: string): boolean {
  return /\bFREQ=/i.test(at)
}

/** What the times of a schedule depend on, as text. */
export function specOf({ at, timeZone = 'UTC' }: When): string {
  return JSON.stringify([at, timeZone])
}
