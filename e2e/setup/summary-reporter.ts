import type { Reporter, TestModule } from 'vitest/node'

import { nginxPath } from './has-nginx.ts'
import { hasPgBouncer } from './has-pgbouncer.ts'
import { redisPath } from './has-redis.ts'

/** The last lines of a run: what this machine could not show, and the count that CI reads. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      if (module.state() === 'failed' && module.children.size === 0) counts.failed++
      for (const test of module.children.allTests()) counts[test.result().state]++
    }
    const lines = [
      ...(hasPgBouncer
        ? []
        : ['Not run: the suite through PgBouncer, which is not installed here.']),
      ...(nginxPath === undefined
        ? ['Not run: the rolling restart behind nginx, which is not installed here.']
        : []),
      ...(redisPath === undefined
        ? ['Not run: what a real Redis shows, which is not installed here.']
        : []),
      ...(process.env.TEST_FULL === '1'
        ? []
        : [
            'Not run: the long fault runs, and all else through PgBouncer: npx pnpm@12 test:full makes them.',
          ]),
      `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped + counts.pending} skipped`,
    ]
    // After the default reporter has written its own summary.
    process.once('exit', () => process.stdout.write(`${lines.join('\n')}\n`))
  }
}
