/**
 * What working with a Tautline backend is like: `pnpm demo`. Read it from top to bottom; hover over
 * any name in an editor and see that every type comes from the server's own definitions.
 *
 * `pnpm demo --kill` ends the process that imports a file in the middle of it, by `kill -9`. It starts
 * that process itself, and kills nothing else.
 */
import { randomUUID } from 'node:crypto'

import { createClient, safe, type Client } from '@tautline/client'
// A type and nothing else: no code of the server is loaded into this process.
import type { AppRouter } from '@tautline/server/router-type'

import { firstLines, importCatalogue } from './demo-import.ts'
import { readItems } from './read-items.ts'
import { findOrStartServer } from './server.ts'

const kills = process.argv.includes('--kill')
const wanted = process.env.DEMO_URL ?? 'http://127.0.0.1:3000'
await using server = await findOrStartServer(wanted, { withWorker: kills })
const url = `${server.url}/rpc`

// 1. Two people sign up. A client is made for whoever the token is of.
const anna = await signUp('Anna')
const ben = await signUp('Ben')

async function signUp(name: string): Promise<Client<AppRouter>> {
  const session = await createClient<AppRouter>({ url }).auth.register.mutate({
    email: `${name.toLowerCase()}-${randomUUID()}@example.com`,
    name,
    password: 'correct horse battery',
  })
  say(`${session.user.name} signed up as ${session.user.email}`)
  return createClient<AppRouter>({ url, auth: () => session.accessToken })
}

// 2. Anna uploads a whole file in one call, which is one statement in the database. Prices are
//    bigints, here and there: the wire keeps them, and dates too.
const items = await readItems(new URL('./items.csv', import.meta.url))
const uploaded = await anna.items.bulkCreate.mutate({ items, onConflict: 'skip' })
say(`Anna uploaded ${items.length} items: ${uploaded.created} created, ${uploaded.skipped} skipped`)

// The types of inputs and outputs can be named where that helps.
type ItemPage = Awaited<ReturnType<typeof anna.items.list.query>>

// 3. She pages through them, newest first. Each page tells where the next one begins.
let cursor: string | null = null
let pages = 0
let worthMinor = 0n
do {
  const page: ItemPage = await anna.items.list.query({ limit: 60, cursor })
  for (const item of page.items) worthMinor += item.priceMinor * BigInt(item.quantity)
  cursor = page.nextCursor
  pages++
} while (cursor !== null)
say(`Anna read ${pages} pages: her stock is worth ${(worthMinor / 100n).toLocaleString('en')}`)

// 4. She restocks the newest one. An update names the version that she has seen.
const [newest] = (await anna.items.list.query({ limit: 1 })).items
if (!newest) throw new Error('Anna has no items.')
const { id, version, name, quantity } = newest
const restocked = await anna.items.update.mutate({
  id,
  version,
  changes: { quantity: quantity + 10 },
})
say(
  `Anna restocked "${name}" from ${quantity} to ${restocked.quantity}, now version ${restocked.version}`,
)

// 5. Whoever changes it from the old version is told. `safe` returns the error instead of throwing
//    it, narrowed to what this procedure can fail with: after the check, `data` has its own type.
const [, conflict] = await safe(
  anna.items.update.mutate({ id, version, changes: { name: 'Too late' } }),
)
if (conflict?.reason !== 'VERSION_CONFLICT') throw new Error('The old version was accepted.')
const currentVersion: number = conflict.data.currentVersion
say(`An update from version ${version} was refused: the item is at version ${currentVersion}`)

// 6. Ben knows the id, and learns nothing from it: what is not his is not there.
const [, refusal] = await safe(ben.items.get.query({ id }))
if (refusal?.reason !== 'ITEM_NOT_FOUND') throw new Error('Ben could read an item of Anna.')
say(`Ben was refused the same item: ${refusal.reason}, "${refusal.message}"`)

// 7. A supplier's whole catalogue is more than one call can bring. Anna uploads it as a file, and the
//    server imports it in the background: she watches, and so could any other process of hers.
const { created, bad, attempt, reportId } = await importCatalogue(anna, server.worker)
say(`Anna imported ${created} items in ${attempt} attempt(s); ${bad} rows of the file are none`)
if (reportId !== null) {
  const [, problem] = await firstLines(anna, reportId, 2)
  say(`A report tells her of those, row by row: ${problem}`)
}

function say(line: string): void {
  console.log(`- ${line}`)
}
