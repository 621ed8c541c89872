import { Client } from 'pg'

import type { Logger } from '../platform/logger.ts'
import type { Leadership } from '../platform/supervised-loop.ts'
import type { DatabaseConfig } from './pool.ts'

/** Longest wait for a connection, and for an answer on it, in milliseconds. */
const TIMEOUT_MS = 2_000

export interface LeaderLock extends Leadership {
  /** Gives the lead up, if it is here; another process can take it at once. */
  release(): Promise<void>
}

/**
 * Makes one process the leader among all that share the database: the one that holds an advisory
 * lock, in a session of its own around any pooler, for as long as that session lives. It is asked
 * for a sign of life at every `lead()`. When its connection breaks, the lead is lost at once; on a
 * network that goes silent in the middle of a turn, Postgres may have given it to another before
 * we know. So a turn must be harmless when it runs twice; the lock only spares the work.
 */
export function createLeaderLock(config: DatabaseConfig, log: Logger): LeaderLock {
  let held: Held | undefined
  let turn: Promise<unknown> = Promise.resolve()

  async function lead(): Promise<AbortSignal | undefined> {
    if (held && (await isAlive(held))) return held.lost.signal
    held = await tryLock(config, log)
    return held?.lost.signal
  }

  /** One after the other: several loops ask for the same lead. */
  function inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = turn.then(run)
    turn = result.catch(() => {})
    return result
  }

  return {
    lead: () => inTurn(lead),
    release: () =>
      inTurn(async () => {
        held?.lost.abort()
        await held?.client.end()
        held = undefined
      }),
  }
}

interface Held {
  readonly client: Client
  readonly lost: AbortController
}

async function tryLock(config: DatabaseConfig, log: Logger): Promise<Held | undefined> {
  const client = new Client({
    connectionString: config.directUrl ?? config.url,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    keepAlive: true,
  })
  const lost = new AbortController()
  client.on('error', (error) => log.warn({ err: error }, 'the connection of the leader broke'))
  client.on('end', () => lost.abort())
  try {
    await client.connect()
    const { rows } = await client.query<{ locked: boolean }>(
      `select pg_try_advisory_lock(hashtextextended('tautline.leader', 0)) as locked`,
    )
    if (rows[0]?.locked) return { client, lost }
  } catch (error) {
    abandon(client)
    throw error
  }
  await client.end()
  return undefined
}

async function isAlive({ client, lost }: Held): Promise<boolean> {
  if (lost.signal.aborted) return false
  try {
    await client.query('select 1')
    return !lost.signal.aborted
  } catch {
    lost.abort()
    abandon(client)
    return false
  }
}

/** Not waited for: on a network that has gone silent it takes for ever. */
function abandon(client: Client): void {
  client.end().catch(() => {})
}
