import { measure } from '../../platform/cost.fixture.ts'
import { fingerprintOf } from './keys.ts'
import { openTwoShops, sell } from './shop.fixture.ts'

/** What a key costs, beside the same mutation without one, for `bench/policies.ts`. */

await using shops = await openTwoShops()
const { transact, sell: sellOnce } = shops.first
const input = JSON.stringify({ json: { name: 'x'.repeat(200), amount: 1, tags: ['a', 'b'] } })

await measure('fingerprint of 250 bytes', { times: 20_000 }, async () =>
  fingerprintOf('sales.make', input),
)
await measure('a mutation without a key', { times: 300 }, () => transact((db) => sell(db)))
await measure('a mutation with a new key', { times: 300 }, (n) => sellOnce({ key: `key-${n}` }))
await measure('a replay', { times: 300 }, () => sellOnce({ key: 'key-0' }))
