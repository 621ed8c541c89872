import { samplesOf } from '../../testing/sql-samples.ts'
import * as queries from './rows.ts'

const owner = { principal: 'anna', procedure: 'items.create', key: 'k1' }

export const samples = samplesOf(queries, {
  tryLock: [[1, 2]],
  findRow: [owner],
  insertRow: [{ ...owner, fingerprint: Buffer.of(1), outcome: '{}', created_at: new Date() }],
  deleteRows: [new Date(), 10],
})
