import { expect, test } from 'vitest'

import { createClient } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

import { until } from '../dev/wait.ts'
import { openSession } from '../faults/server-process.ts'
import { nginxPath } from '../setup/has-nginx.ts'
import { callAgainAndAgain, newLoad, type Load } from './load.ts'
import { startNginx } from './nginx.ts'
import { startServerPair, type Ending, type Restart, type ServerPair } from './server-pair.ts'

const full = process.env.TEST_FULL === '1'

const RESTARTS = full ? 10 : 3
const CLIENTS = full ? 40 : 10

/** Below these the run has shown nothing. */
const LEAST = full
  ? { created: 2_000, read: 2_000, inFlight: 50 }
  : { created: 200, read: 200, inFlight: 5 }

/** Requests between two restarts. */
const REQUESTS_BETWEEN = CLIENTS * 10

const missing = nginxPath === undefined ? ' (skipped: nginx is not installed here)' : ''

test.skipIf(missing)(`a rolling restart behind nginx fails no request${missing}`, async () => {
  const { load, restarts, rows, inFlight } = await restartUnderLoad('drain')
  expect(load.failures).toEqual([])
  expect(rows.toSorted()).toEqual(load.created.toSorted())
  expect(restarts.map(({ exitCode }) => exitCode)).toEqual(Array(RESTARTS).fill(0))

  const pids = restarts.flatMap((restart) => restart.pids)
  expect(new Set(pids).size).toBe(RESTARTS + 2) // every restart brought a new process
  expect(load.created.length).toBeGreaterThanOrEqual(LEAST.created)
  expect(load.read).toBeGreaterThanOrEqual(LEAST.read)
  expect(inFlight).toBeGreaterThanOrEqual(LEAST.inFlight)
})

test.skipIf(missing || !full)(`and would, if the servers just exited${missing}`, async () => {
  const { load, restarts } = await restartUnderLoad('process.exit')
  expect(load.failures.length).toBeGreaterThan(0)
  expect(restarts).toHaveLength(RESTARTS)
})

/** Restarts one server after the other under load. */
async function restartUnderLoad(ending: Ending) {
  await using pair = await startServerPair(ending)
  await using nginx = await startNginx(pair.addresses)
  const target = { url: nginx.url, accessToken: await signUp(nginx.url) }
  const load = newLoad()
  const clients = Array.from({ length: CLIENTS }, (_, n) => callAgainAndAgain(target, load, n))
  const restarts: Restart[] = []
  let inFlight = 0
  while (restarts.length < RESTARTS) {
    await progress(load, REQUESTS_BETWEEN)
    inFlight += load.inFlight
    restarts.push(await pair.restart(restarts.length % 2))
  }
  await progress(load, REQUESTS_BETWEEN)
  load.over = true
  await Promise.all(clients)
  const { failures } = load
  console.info(`${ending}:`, {
    requests: answered(load),
    failures: failures.length,
    firstFailures: failures.slice(0, 3),
    inFlightAtStops: inFlight,
    stopsMs: restarts.map(({ stopMs }) => Math.round(stopMs)),
  })
  return { load, restarts, rows: await skus(pair), inFlight }
}

async function signUp(url: string): Promise<string> {
  const nobody = createClient<AppRouter>({ url: `${url}/rpc`, retry: false })
  const account = { email: 'anna@example.com', name: 'Anna', password: 'correct horse battery' }
  return (await nobody.auth.register.mutate(account)).accessToken
}

const answered = (load: Load) => load.created.length + load.read + load.failures.length

/** Waits until so many more requests have been answered. */
async function progress(load: Load, requests: number): Promise<void> {
  const enough = answered(load) + requests
  await until(`${requests} more requests`, () => answered(load) >= enough)
}

async function skus({ databaseUrl }: ServerPair): Promise<string[]> {
  await using session = await openSession(databaseUrl)
  const { rows } = await session.client.query<{ sku: string }>('select sku from item')
  return rows.map(({ sku }) => sku)
}
