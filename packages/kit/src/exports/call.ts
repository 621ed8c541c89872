import type { Resources } from '../resources.ts'
import { startRawCall, type RawCall, type RawRequest } from '../rpc/raw-call.ts'

/** How much was sent, and how. */
export interface Sent {
  format?: string
  encoding?: string
  rows: number
  /** Before they were compressed. */
  bytes: number
  /** How often the reader was too slow to be waited for. */
  pauses: number
}

/** One export from its first to its last moment. */
export interface ExportCall extends RawCall {
  readonly sent: Sent
}

/** It counts itself when it has ended. */
export function startExportCall(
  path: string,
  http: Pick<RawRequest, 'response' | 'address'>,
  { log, metrics }: Pick<Resources, 'log' | 'metrics'>,
): ExportCall {
  const sent: Sent = { rows: 0, bytes: 0, pauses: 0 }
  function onEnd(outcome: string, durationMs: number): void {
    metrics.count('exports_total', { path, outcome })
    metrics.count('export_rows_total', { path }, sent.rows)
    metrics.count('export_bytes_total', { path }, sent.bytes)
    metrics.observe('export_duration_seconds', durationMs / 1000, { path })
  }
  const call = startRawCall({ path, kind: 'export', changes: false, sent, onEnd }, http, { log })
  return Object.assign(call, { sent })
}
