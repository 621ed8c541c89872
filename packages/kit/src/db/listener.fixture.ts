import { Client } from 'pg'

import type { Db } from './database.ts'
import { ring } from './ring.ts'

const PROBE = 'listener_probe'

/** Somebody beside a process who listens to channels, and hears nothing of what has rung before. */
export async function listenBeside(db: Db, databaseUrl: string, ...channels: string[]) {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  const heard: (readonly [channel: string, payload: string])[] = []
  const { promise: probed, resolve } = Promise.withResolvers<void>()
  client.on('notification', ({ channel, payload = '' }) => {
    if (channel === PROBE) resolve()
    else heard.push([channel, payload])
  })
  for (const channel of [PROBE, ...channels]) {
    await client.query(`listen ${client.escapeIdentifier(channel)}`)
  }
  ring(db, PROBE, '') // told after what has rung already
  await probed
  heard.length = 0
  return {
    heard,
    /** Resolves when all is heard that Postgres has told so far. */
    settled: async () => void (await client.query('select')),
    [Symbol.asyncDispose]: () => client.end(),
  }
}
