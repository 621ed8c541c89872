import { createClient, watchTask, watchTasks, type ConnectionState } from '@tautline/client'

import { ANNA, type WatchedRouter } from './watched-app.ts'

/** What one watcher has seen. */
export interface Watcher {
  /** The numbers of the events of each task, in the order in which they came. */
  readonly seen: ReadonlyMap<string, readonly number[]>
  /** Resolves when it has ended by itself; rejects with what it failed with. */
  readonly ended: Promise<unknown>
}

/** A connection that was made anew. */
export interface Resume {
  /** When the one before it was lost, and when this one was there, by `performance.now()`. */
  readonly lostAt: number
  readonly backAt: number
}

export interface WatchersOptions {
  readonly url: string
  /** Told of each connection that is the first of its stream. */
  readonly onFirst?: () => void
  /** Told of each that replaces another. */
  readonly onResume: (resume: Resume) => void
}

/** Makes watchers of several tasks each: over one stream, or over one for each task. */
export function createWatchers({ url, onFirst = () => {}, onResume }: WatchersOptions) {
  const client = createClient<WatchedRouter>({ url, auth: () => ANNA })

  /** Tells each time a connection is there. */
  function observe() {
    let lostAt: number | undefined
    let isFirst = true
    return ({ state }: ConnectionState): void => {
      const now = performance.now()
      if (state === 'connecting') lostAt ??= now
      if (state !== 'pending') return
      if (isFirst) onFirst()
      else onResume({ lostAt: lostAt ?? now, backAt: now })
      isFirst = false
      lostAt = undefined
    }
  }

  return {
    overOneStream: (ids: readonly string[]): Watcher => {
      const seen = new Map<string, number[]>(ids.map((id) => [id, []]))
      async function watch(): Promise<void> {
        for await (const { taskId, seq } of watchTasks(client, ids, { onState: observe() })) {
          seen.get(taskId)?.push(seq)
        }
      }
      return { seen, ended: watch() }
    },
    overStreams: (ids: readonly string[]): Watcher => {
      const seen = new Map<string, number[]>(ids.map((id) => [id, []]))
      async function watch(id: string): Promise<void> {
        for await (const { seq } of watchTask(client, id, { onState: observe() })) {
          seen.get(id)?.push(seq)
        }
      }
      return { seen, ended: Promise.all(ids.map(watch)) }
    },
  }
}
