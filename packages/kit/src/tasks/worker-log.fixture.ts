import { Writable } from 'node:stream'

import { createLogger } from '../platform/logger.ts'

/** A logger whose lines a test can read. */
export function collectingLogger() {
  const lines: Record<string, unknown>[] = []
  const output = new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      lines.push(JSON.parse(line))
      done()
    },
  })
  return { log: createLogger('debug', output), lines }
}
