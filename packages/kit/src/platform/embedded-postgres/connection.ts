import { realpath } from 'node:fs/promises'

import { Client, escapeIdentifier } from 'pg'
import type { QueryConfig } from 'pg'

const PROBE_TIMEOUT_MS = 2_000
const WORK_TIMEOUT_MS = 30_000

/**
 * True when a server answers on this port of 127.0.0.1 and its files are those in `dataDir`, a
 * real path. False for everything else: nobody there, another server, one that is starting or
 * stopping, no answer within 2 s.
 */
export async function servesFrom(port: number, dataDir: string): Promise<boolean> {
  try {
    const answer = await query(port, { text: 'show data_directory' }, PROBE_TIMEOUT_MS)
    return (await realpath(String(answer[0]?.['data_directory']))) === dataDir
  } catch {
    return false
  }
}

/** Creates the database unless it exists. Call under the cluster's lock. */
export async function ensureDatabase(port: number, database: string): Promise<void> {
  const text = 'select 1 from pg_database where datname = $1'
  if ((await query(port, { text, values: [database] })).length > 0) return
  await query(port, { text: `create database ${escapeIdentifier(database)}` })
}

async function query(
  port: number,
  statement: QueryConfig,
  timeoutMs: number = WORK_TIMEOUT_MS,
): Promise<Record<string, unknown>[]> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database: 'postgres',
    // Said outright, or PGSSLMODE would decide.
    ssl: false,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  })
  // Without a listener a connection that breaks would end the process. The query fails anyway.
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query<Record<string, unknown>>(statement)).rows
  } finally {
    await client.end().catch(() => {})
  }
}
