// A process that holds the cluster of the folder given as its argument. It prints what it got
// as one line of JSON and releases when its input ends.
import { once } from 'node:events'

import { acquireEmbeddedPostgres } from './embedded-postgres.ts'

const postgres = await acquireEmbeddedPostgres({ dir: process.argv[2] ?? '' })
process.stdout.write(`${JSON.stringify(postgres)}\n`)
await once(process.stdin.resume(), 'end')
await postgres.release()
