import { CallError, createClient } from '@tautline/client'
import { sleep } from '@tautline/shared'

import { between, pick } from '../faults/chance.ts'
import type { app, KINDS } from './chaos-app.ts'

type Kind = (typeof KINDS)[number]

/** Those who ask. What one of them asks for in a transaction waits for what he asks in another. */
const USERS = 10

function clientsOf(url: string) {
  return Array.from({ length: USERS }, (_, user) =>
    createClient<(typeof app)['router']>({
      url: `${url}/rpc`,
      headers: () => ({ 'x-user': `user${user}` }),
      retry: false,
    }),
  )
}

type ChaosClient = ReturnType<typeof clientsOf>[number]
type Wanted = Parameters<ChaosClient['chaos']['place']['mutate']>[0]

/** What was asked for, and how that was answered. */
export interface Asked {
  /** Work that was acknowledged: its task, by its ref. */
  readonly acknowledged: ReadonlyMap<string, string>
  /** Refs of work whose transaction was rolled back. */
  readonly undone: readonly string[]
  /** How often a task was given its tries again. */
  readonly redrives: ReadonlyMap<string, number>
  /** Wishes that a task end, acknowledged. */
  readonly cancels: number
}

export interface LoadOptions {
  readonly count: number
  /** How long asking takes, in milliseconds: not all are there at once. */
  readonly overMs: number
}

export interface Load {
  /** Asks for work that stays in a transaction for a while. */
  trap(): Promise<void>
  /** All that was asked for, once that is all. */
  readonly asked: Promise<Asked>
}

/** Most do what they are to do. */
const ORDINARY: readonly Kind[] = [
  'plain',
  'plain',
  'plain',
  'plain',
  'failing',
  'hopeless',
  'refused',
]

/** Asks for work, cancels some of it and gives some of that its tries again. */
export function startLoad(url: string, { count, overMs }: LoadOptions): Load {
  const clients = clientsOf(url)
  const acknowledged = new Map<string, string>()
  const undone: string[] = []
  const redrives = new Map<string, number>()
  let cancels = 0
  let traps = 0

  async function ask(client: ChaosClient, ref: string, kind: Kind): Promise<string> {
    const { taskId } = await place(client, { ref, kind, chunks: between(4, 12), undo: false })
    acknowledged.set(ref, taskId)
    return taskId
  }

  async function askForOne(index: number): Promise<void> {
    await sleep(Math.random() * overMs)
    const client = pick(clients)
    const id = await ask(client, `work ${index}`, pick(ORDINARY))
    if (index % 10 === 3) await undo(client, `undone ${index}`)
    if (index % 6 === 5) await cancel(client, id)
  }

  async function undo(client: ChaosClient, ref: string): Promise<void> {
    const placing = place(client, { ref, kind: 'plain', chunks: 3, undo: true })
    if ((await reasonOf(placing)) !== 'ROLLED_BACK') throw new Error('It was to be rolled back.')
    undone.push(ref)
  }

  async function cancel(client: ChaosClient, id: string): Promise<void> {
    await sleep(between(0, 2_000))
    if ((await reasonOf(client.tasks.cancel.mutate({ id }))) !== undefined) return
    cancels++
    if (cancels % 2 === 0) return
    await sleep(between(0, 500))
    if ((await reasonOf(client.tasks.retry.mutate({ id }))) !== undefined) return
    redrives.set(id, (redrives.get(id) ?? 0) + 1)
  }

  const asking = Promise.all(Array.from({ length: count }, (_, index) => askForOne(index)))
  return {
    async trap() {
      await ask(pick(clients), `trap ${traps++}`, 'trap')
    },
    get asked() {
      return asking.then(() => ({ acknowledged, undone, redrives, cancels }))
    },
  }
}

/** Asks until it is answered for good: a worker that stands still may hold what the call needs. */
async function place(client: ChaosClient, wanted: Wanted): Promise<{ taskId: string }> {
  for (;;) {
    try {
      return await client.chaos.place.mutate(wanted)
    } catch (error) {
      if (!(error instanceof CallError && error.retryable)) throw error
      await sleep(error.retryAfterMs ?? 100)
    }
  }
}

/** The reason of a call's refusal; undefined when it succeeded. */
async function reasonOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    if (error instanceof CallError) return error.reason
    throw error
  }
}
