import { availableParallelism, cpus } from 'node:os'

import type { Client } from 'pg'

import { percentile, table } from './statistics.ts'

/** What was measured in turn, in milliseconds. */
export interface Round {
  readonly copy: number
  readonly statement: number
  readonly call: number
  /** Longest block of the server's event loop during the call. */
  readonly block: number
}

/** `statement` and `call` are medians, in times of the median of `COPY`. */
const LIMITS = { statement: 2, call: 3.5, blockMs: 50 }

/** On a machine that does nothing else, the slowest `COPY` is below this many times its median. */
const QUIET = 1.25

/** What was measured, against the limits; in words, and whether all of them hold. */
export function judge(rounds: readonly Round[]): {
  readonly text: string
  readonly holds: boolean
} {
  const of = (what: keyof Round, share: number) =>
    percentile(
      rounds.map((round) => round[what]),
      share,
    )
  const line = (title: string, what: keyof Round) => [
    title,
    ...[0.5, 0.95, 1].map((share) => ms(of(what, share))),
  ]
  const copy = of('copy', 0.5)
  const limits = [
    {
      of: 'statement / COPY',
      value: of('statement', 0.5) / copy,
      limit: LIMITS.statement,
      format: times,
    },
    { of: 'whole call / COPY', value: of('call', 0.5) / copy, limit: LIMITS.call, format: times },
    { of: 'longest block', value: of('block', 1), limit: LIMITS.blockMs, format: ms },
  ].map((entry) => ({ ...entry, holds: entry.value <= entry.limit }))

  const unrest = of('copy', 1) / copy
  const texts = [
    table([
      ['', 'median', 'p95', 'max'],
      line('COPY', 'copy'),
      line('statement', 'statement'),
      line('whole call', 'call'),
      line("block of the server's event loop", 'block'),
    ]),
    table([
      ['', 'measured', 'limit', ''],
      ...limits.map((entry) => [
        entry.of,
        entry.format(entry.value),
        entry.format(entry.limit),
        entry.holds ? 'holds' : 'BROKEN',
      ]),
    ]),
  ]
  if (unrest > QUIET) {
    texts.push(
      `Other processes were in the way: the slowest COPY took ${times(unrest)} its median.`,
    )
  }
  return { text: texts.join('\n\n'), holds: limits.every(({ holds }) => holds) }
}

/** Where it was measured. */
export async function describeMachine(database: Client): Promise<string> {
  const { rows } = await database.query<{ version: string; fsync: string }>(
    `select current_setting('server_version') as version, current_setting('fsync') as fsync`,
  )
  const postgres = rows.map(({ version, fsync }) => `Postgres ${version} (fsync ${fsync})`)
  const cores = `${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown model'}`
  return [cores, `Node ${process.versions.node}`, ...postgres].join(', ')
}

export function ms(value: number): string {
  return `${value.toFixed(1)} ms`
}

function times(value: number): string {
  return `${value.toFixed(2)} x`
}
