import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { startTestRedis } from '@tautline/kit/testing'

import { createDatabase } from '../faults/server-process.ts'
import { migrate, startServer } from '../limits/processes.ts'
import { freePort } from '../rolling-restart/ports.ts'
import { findProgram } from '../setup/find-program.ts'
import { redisPath } from '../setup/has-redis.ts'
import { somebody } from './world.ts'

const run = promisify(execFile)
const openssl = findProgram('openssl')

/** Whether the Redis of this machine was built with TLS. */
const speaksTls =
  redisPath !== undefined &&
  (await run('ldd', [redisPath]).then(
    ({ stdout }) => stdout.includes('libssl'),
    () => false,
  ))

const USER = 'backend'
const PASSWORD = 'pass/word#1'

test.skipIf(openssl === undefined || !speaksTls)(
  'a Redis behind TLS is used by the user in its URL, and not at all where its certificate is not believed',
  async () => {
    await using world = await startTlsRedis()
    const { databaseUrl, url: redisUrl, certificate } = world
    const settings = { NODE_EXTRA_CA_CERTS: certificate }
    const servers = await Promise.all([
      startServer({ databaseUrl, redisUrl, settings }),
      startServer({ databaseUrl, redisUrl }),
    ])
    await using believing = servers[0]
    await using doubtful = servers[1]

    expect(await believing.readiness()).toEqual({ status: 200, degraded: [] })
    const anna = await somebody(believing.url)
    expect(await anna.addFew()).toBe(true)
    expect((await believing.look()).counters.rate_limit_fallbacks_total).toBeUndefined()
    expect(await world.redis.tell('DBSIZE')).not.toBe(':0')

    expect(await doubtful.readiness()).toEqual({ status: 200, degraded: ['redis'] })
    expect(doubtful.logs.join('')).toContain('Redis is away')
    expect(doubtful.logs.join('')).not.toContain(PASSWORD)
    const berta = await somebody(doubtful.url)
    expect(await berta.addFew()).toBe(true)
  },
)

/** A Redis that lets one user in, by TLS, with a certificate that was made for it. */
async function startTlsRedis() {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'tautline-tls-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const made =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost'
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  await run('openssl', [...made.split(' '), ...names, '-keyout', key, '-out', certificate])
  const tlsPort = await freePort()
  const redis = stack.use(
    await startTestRedis({
      settings: {
        'tls-port': String(tlsPort),
        'tls-cert-file': certificate,
        'tls-key-file': key,
        'tls-auth-clients': 'no',
      },
    }),
  )
  await redis.tell(`ACL SETUSER ${USER} on >${PASSWORD} ~tautline:* &* +@all`)
  const { directUrl: databaseUrl } = stack.use(await createDatabase())
  await migrate(databaseUrl)
  const url = `rediss://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${tlsPort}`
  const running = stack.move()
  return {
    redis,
    url,
    certificate,
    databaseUrl,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
