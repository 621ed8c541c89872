import { measure } from '../../platform/cost.fixture.ts'
import { createConcurrency } from './concurrency.ts'

/** What a turn costs, for `bench/policies.ts`. */

const concurrency = createConcurrency({ max: 10, queue: 100 })
const turn = () => concurrency.run(async () => {})

await measure('concurrency, free', { times: 100_000 }, turn)
await measure('concurrency, 90 % of them waiting', { times: 100_000, atOnce: 100 }, turn)
