import { randomUUID } from 'node:crypto'

import { z } from 'zod'

import { wire } from '@tautline/shared'

import type { Ask } from './asks.ts'
import { standingOf, type Identity } from './identities.ts'
import { fromNewAddress, type Marks, type Person } from './people.ts'
import type { Procedure } from './procedures.ts'
import type { Rows, World } from './world.ts'

/** One procedure, asked by one identity for what is one person's. */
export interface Cell {
  readonly procedure: Procedure
  readonly ask: Ask
  readonly who: string
  readonly identity: Identity
  readonly subject: 'A' | 'B'
}

/** What a cell came to. */
export interface Visit {
  readonly outcome: string
  /** What should not be, a sentence each. */
  readonly faults: readonly string[]
  /** Kinds of marks that the caller saw, as is their right. */
  readonly seen: readonly (keyof Marks)[]
}

const STATUS: Readonly<Record<string, number>> = {
  OK: 200,
  BAD_INPUT: 400,
  UNAUTHENTICATED: 401,
  WRONG_CREDENTIALS: 401,
  REFRESH_REFUSED: 401,
  FORBIDDEN: 403,
  ACCOUNT_NOT_FOUND: 404,
  SCOPE_NOT_HELD: 403,
  ITEM_NOT_FOUND: 404,
  FILE_NOT_FOUND: 404,
  USER_NOT_FOUND: 404,
  TASK_NOT_FOUND: 404,
  NO_SUCH_API_KEY: 404,
  BATCH_FAILED: 409,
  EMAIL_TAKEN: 409,
  INSUFFICIENT_FUNDS: 409,
  SKU_TAKEN: 409,
  TASK_NOT_RETRYABLE: 409,
  VERSION_CONFLICT: 409,
}

/** Asks, and compares with what the tables say: outcome, rows, and marks in all of the answer. */
export async function visit(world: World, cell: Cell): Promise<Visit> {
  const { procedure, ask, identity } = cell
  const [subject, caller] = [world.people[cell.subject], world.people[identity.account]]
  const sent = JSON.stringify(wire.input.serialize(await world.inputOf(ask, subject)))
  const key = procedure.needsKey && { 'idempotency-key': randomUUID() }
  const headers = { ...identity.headers(caller, world.forger), ...fromNewAddress(), ...key }
  const before = await world.rows()
  const answer = await send(`${world.url}/rpc/${procedure.path}`, { ...procedure, sent, headers })
  const after = await world.rows()

  const expected = expectedOf(cell)
  const refused = STATUS[expected] ?? 'a status that the table names'
  const status = procedure.kind === 'subscription' ? STATUS['OK'] : refused
  const { outcome } = answer
  const faults: string[] = []
  if (outcome !== expected) faults.push(`gave ${outcome} instead of ${expected}`)
  else if (answer.status !== status) faults.push(`had status ${answer.status} instead of ${status}`)
  for (const name of ['A', 'B'] as const) {
    faults.push(...changes(cell, { outcome, name, was: before[name], is: after[name] }))
  }
  const marks = findMarks(world, cell, { ...answer, sent })
  faults.push(...marks.leaked)

  if (outcome === 'OK') {
    ask.after?.(answer.text, subject)
    world.forgetInput(ask, subject)
    if (ask.spends) await world.replace(ask.spends === 'caller' ? identity.account : cell.subject)
  }
  return { outcome, faults, seen: marks.seen }
}

function expectedOf({ procedure, ask, identity, subject }: Cell): string {
  const atDoor = identity.doors[procedure.door]
  return atDoor === 'through' ? ask.gives[standingOf(identity, subject)] : atDoor
}

interface Sent {
  readonly kind: Procedure['kind']
  readonly sent: string
  readonly headers: Readonly<Record<string, string>>
}

const Shape = z.object({ json: z.object({ data: z.object({ reason: z.string() }) }) })
const Refusal = z.object({ error: Shape })

/** By `fetch` alone: no client of ours may mend or hide anything. */
async function send(url: string, { kind, sent, headers }: Sent) {
  const response = await (kind === 'mutation'
    ? fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: sent,
      })
    : fetch(`${url}?input=${encodeURIComponent(sent)}`, { headers }))
  const { status } = response
  const seen = { status, headers: JSON.stringify([...response.headers]) }
  if (kind === 'subscription' && status === 200) {
    return { ...seen, ...(await readFirstFrame(response)) }
  }
  const text = await response.text()
  const outcome = status === 200 ? 'OK' : Refusal.parse(JSON.parse(text)).error.json.data.reason
  return { ...seen, outcome, text }
}

/** What of a stream is no sign of life: its first event, its end, or why there is none. */
const FRAME = /^(?:event: (return|serialized-error)\n)?data: (.*)\n(?:id: .*\n)?\n/m

async function readFirstFrame({ body }: Response) {
  let text = ''
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece
    const frame = FRAME.exec(text.replace(/^event: (?:connected|ping)\n.*\n\n/gm, ''))
    if (!frame) continue
    const [, event, data = ''] = frame
    const isRefusal = event === 'serialized-error'
    return { text, outcome: isRefusal ? Shape.parse(JSON.parse(data)).json.data.reason : 'OK' }
  }
  throw new Error('The stream ended before it said anything.')
}

interface Change {
  readonly outcome: string
  readonly name: 'A' | 'B'
  readonly was: Rows
  readonly is: Rows
}

/** Changes of somebody's rows by whom they are not. */
function changes({ ask, identity, subject }: Cell, change: Change): string[] {
  const { outcome, name, was, is } = change
  const named = outcome === 'OK' && name === subject
  const byAdmin = named && identity.is === 'an admin' && ask.forAdmins === true
  const byOwner = outcome === 'OK' && identity.is !== 'nobody' && identity.account === name
  if (byAdmin || (byOwner && (identity.is !== 'a user elsewhere' || ask.spends))) return []
  const found: string[] = []
  const signedIn = named && ask.opens === true
  if (!byOwner && !signedIn && was.account !== is.account) found.push(`changed ${name}’s account`)
  for (const [id, row] of was.belongings) {
    if (is.belongings.get(id) !== row) found.push(`changed ${id} of ${name}`)
  }
  if (!byOwner && is.belongings.size !== was.belongings.size) found.push(`changed what ${name} has`)
  return found
}

interface Answer {
  readonly outcome: string
  readonly text: string
  readonly headers: string
  readonly sent: string
}

/** Looks for everybody's marks in what came back. What the caller has sent may come back. */
function findMarks(world: World, cell: Cell, { outcome, text, headers, sent }: Answer) {
  const leaked: string[] = []
  const seen: (keyof Marks)[] = []
  for (const person of world.everybody) {
    const visible = outcome === 'OK' ? visibleMarks(world, cell, person) : []
    for (const kind of kinds) {
      const mark = person.marks[kind]
      if (sent.includes(mark) || !(text + headers).includes(mark)) continue
      if (visible.includes(kind)) seen.push(kind)
      else leaked.push(`showed the ${kind} of somebody`)
    }
  }
  return { leaked, seen }
}

/** All kinds of marks. */
export const kinds = ['email', 'name', 'keyName', 'sku', 'itemName', 'accountName'] as const

/** What of a person may stand in an answer to this caller. */
function visibleMarks(world: World, cell: Cell, person: Person): readonly (keyof Marks)[] {
  const { identity, ask, subject } = cell
  if (identity.is === 'an admin' && ask.forAdmins) return kinds
  if (ask.opens && person === world.people[subject]) return ['email', 'name']
  if (identity.is === 'nobody' || person !== world.people[identity.account]) return []
  return identity.is === 'a user elsewhere' ? ['email', 'name', 'keyName'] : kinds
}
