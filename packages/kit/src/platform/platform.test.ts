import { Writable } from 'node:stream'

import { describe, expect, test } from 'vitest'

import { within } from './call-scope.ts'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createSecrets } from './secrets.ts'
import { createShutdown } from './shutdown.ts'

function capture() {
  const lines: string[] = []
  const output = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString())
      done()
    },
  })
  return { lines, log: createLogger('info', output) }
}

describe('the log', () => {
  test('hides secrets by their names', () => {
    const { lines, log } = capture()
    log.info({ password: 'hunter2', user: { token: 'hunter3', name: 'anna' } }, 'signed in')
    expect(lines[0]).not.toMatch(/hunter/)
    expect(lines[0]).toContain('anna')
  })

  test('tells an error with its causes, and nothing else that hangs on it', () => {
    const { lines, log } = capture()
    const cause = Object.assign(new Error('inner'), {
      code: '23505',
      detail: 'Key (email)=(secret)',
    })
    log.error({ err: new Error('outer', { cause }) }, 'failed')
    expect(lines[0]).toMatch(/outer.*inner.*23505|outer.*23505.*inner/)
    expect(lines[0]).not.toContain('secret')
  })

  test('gives every line of a call its request id and procedure', () => {
    const { lines, log } = capture()
    const scope = {
      requestId: 'request-1',
      procedure: 'items.get',
      kind: 'query' as const,
      signal: AbortSignal.abort(),
      spent: { queries: 0, queryMs: 0, waitMs: 0 },
      changes: 0,
    }
    within(scope, () => log.info('inside'))
    log.info('outside')
    expect(lines[0]).toContain('"requestId":"request-1","procedure":"items.get"')
    expect(lines[1]).not.toContain('requestId')
  })
})

describe('metrics', () => {
  test('count, observe and read gauges, by their labels', () => {
    const metrics = createMetrics()
    metrics.count('calls_total', { procedure: 'a' })
    metrics.count('calls_total', { procedure: 'a' }, 2)
    metrics.observe('seconds', 1)
    metrics.observe('seconds', 3)
    const remove = metrics.gauge('open', () => 7)
    expect(metrics.snapshot()).toMatchObject({
      counters: { 'calls_total{procedure="a"}': 3 },
      observed: { seconds: { count: 2, sum: 4, max: 3 } },
      gauges: { open: 7 },
    })
    remove()
    expect(metrics.snapshot().gauges).toEqual({})
  })

  test('stay bounded when a label is not', () => {
    const metrics = createMetrics()
    for (let n = 0; n < 10_050; n++) metrics.count('calls_total', { path: String(n) })
    const { counters } = metrics.snapshot()
    expect(Object.keys(counters).length).toBe(10_001)
    expect(counters.metrics_series_dropped_total).toBe(50)
  })
})

describe('a shutdown', () => {
  test('closes in reverse, once, and past a part that fails', async () => {
    const { lines, log } = capture()
    const shutdown = createShutdown(log)
    const closed: string[] = []
    for (const name of ['database', 'cache', 'http']) {
      shutdown.add(name, async () => {
        closed.push(name)
        if (name === 'cache') throw new Error('stuck')
      })
    }
    await Promise.all([shutdown.run(), shutdown.run()])
    expect(closed).toEqual(['http', 'cache', 'database'])
    expect(lines.join()).toContain('stuck')
  })
})

test('a part that never closes does not keep the others open', async () => {
  const { lines, log } = capture()
  const shutdown = createShutdown(log, 20)
  const closed: string[] = []
  shutdown.add('database', async () => closed.push('database'))
  shutdown.add('stuck', () => new Promise(() => {}))
  await shutdown.run()
  expect(closed).toEqual(['database'])
  expect(lines.join()).toContain('It did not close within 20 ms')
})

test('keys of two purposes differ, and a key is the same every time', () => {
  const secrets = createSecrets('one secret')
  expect(secrets.key('a')).toEqual(createSecrets('one secret').key('a'))
  expect(secrets.key('a')).not.toEqual(secrets.key('b'))
  expect(createSecrets('another').key('a')).not.toEqual(secrets.key('a'))
})
