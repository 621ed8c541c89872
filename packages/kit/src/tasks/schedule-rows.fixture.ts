import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './schedule-rows.ts'

const name = 'report.daily'
const spec = '["0 3 * * *","UTC"]'
const nextAt = new Date('2026-11-23T03:00:00Z')

export const samples = samplesOf(queries, {
  readNow: [],
  putSchedule: [{ name, spec, nextAt }],
  findDue: [[name]],
  holdDue: [{ name, spec }],
  setNext: [name, nextAt],
})
