import { samplesOf } from '../testing/sql-samples.ts'
import * as queries from './process-count.ts'

const id = '00000000-0000-0000-0000-000000000001'

export const samples = samplesOf(queries, { beat: [id], leave: [id] })
