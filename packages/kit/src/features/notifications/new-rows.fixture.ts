import { samplesOf } from '../../testing/sql-samples.ts'
import * as queries from './new-rows.ts'

const id = '00000000-0000-0000-0000-000000000001'
const owners = ['anna']

export const samples = samplesOf(queries, {
  insertNotifications: [
    [{ id, owner: 'anna', name: 'items.import', state: 'succeeded', error: null }],
  ],
  findHead: ['anna'],
  findNewOwners: [50],
  holdCounters: [owners],
  giveNumbers: [owners, 1_000],
})
