import type { Db } from '../db/database.ts'
import type { Body } from './body.ts'
import type { ExportCall } from './call.ts'
import type { ExportDefinition, ExportRow } from './definition.ts'
import type { Lines } from './formats.ts'
import type { Places, Turn } from './places.ts'
import type { Place } from './wanted.ts'

const DEFAULT_ROWS_AT_ONCE = 1_000

/** How long a transaction waits for its reader, in milliseconds. */
const PATIENCE_MS = 1_000

export interface RowsToSend {
  readonly definition: ExportDefinition
  readonly lines: Lines
  /** The row after which they begin. */
  readonly after: Place | undefined
}

export interface SendParts {
  readonly db: Db
  readonly call: ExportCall
  readonly places: Places
  /** Begins the answer. Until then a failure can still be told. */
  readonly open: () => Body
}

/** Where a turn has ended: the reader pauses, or others are to read. */
interface Break {
  readonly after: Place
  /** Resolves when the reader goes on. */
  readonly until: Promise<void>
  readonly isPause: boolean
}

/**
 * Sends all rows, and never holds more than one fetch of them. A reader who keeps up, while nobody
 * else waits for a turn, is served in one transaction for a minute. One who pauses holds no connection:
 * the cursor is closed, and when they go on, another one begins after the last row that was sent.
 */
export async function sendRows(
  { definition, lines, after }: RowsToSend,
  { db, call, places, open }: SendParts,
): Promise<void> {
  const { sent, scope, principal } = call
  let body: Body | undefined
  let { head } = lines

  function send(text: string): Promise<void> {
    const piece = Buffer.from(head + text)
    head = ''
    sent.bytes += piece.length
    body ??= open()
    return body.write(piece)
  }

  /** Until there are no more rows, the reader pauses, or the turn is over. */
  async function sendAfter(place: Place | undefined, turn: Turn): Promise<Break | undefined> {
    // oxlint-disable-next-line typescript/consistent-type-assertions -- the gates and the schemas of `position` are the proof
    const query = definition.rows(db, { principal, after: place } as never).compile()
    const size = definition.rowsAtOnce ?? DEFAULT_ROWS_AT_ONCE
    for await (const { rows } of db.getExecutor().stream<ExportRow>(query, size)) {
      const until = send(rows.map(lines.line).join(''))
      sent.rows += rows.length
      const isPause = !(await isOverWithin(until, PATIENCE_MS))
      if (isPause || turn.isOver) return { after: placeOf(rows.at(-1), definition), until, isPause }
    }
    return undefined
  }

  for (let place = after; ;) {
    const from = place
    const wait = { signal: scope.signal, isFirst: from === after }
    const end = await places.read((turn) => sendAfter(from, turn), wait)
    if (!end) break
    if (end.isPause) sent.pauses++
    await end.until
    place = end.after
  }
  if (!body) await send('')
  await body?.end()
}

function placeOf(row: ExportRow | undefined, { position }: ExportDefinition): Place {
  return Object.fromEntries(Object.keys(position).map((column) => [column, String(row?.[column])]))
}

async function isOverWithin(work: Promise<void>, timeoutMs: number): Promise<boolean> {
  const late = Promise.withResolvers<false>()
  const timer = setTimeout(() => late.resolve(false), timeoutMs)
  try {
    return await Promise.race([work.then(() => true), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
