import { createClient, watchTask } from '@tautline/client'

import { app, saying, stage, type TasksRouter } from './tasks-app.ts'
import { openBackend } from './tasks-sides.ts'

/** How long something takes after a commit, in milliseconds. */
export interface Latency {
  /** Until a task that was accepted begins. */
  readonly start: number
  /** Until whoever watches it has an event, over HTTP. */
  readonly client: number
}

const USER = 'watcher'

/** Of one task after the other, in a backend that does nothing else, by the clock of one process. */
export async function measureLatencies(url: string, count: number): Promise<Latency[]> {
  const backend = await openBackend(app, url)
  try {
    const rpc = `${await backend.listen()}/rpc`
    const client = createClient<TasksRouter>({ url: rpc, headers: () => ({ 'x-user': USER }) })
    const { db, tasks } = backend.resources
    const owner = JSON.stringify([null, null, USER])
    const accept = () => tasks.accept(db, { task: saying, input: {}, owner })
    const all: Latency[] = []
    while (all.length < count) all.push(await measure(accept, (id) => watchTask(client, id)))
    return all
  } finally {
    await backend.close()
  }
}

/** The event is emitted when its watcher is there: what they are sent is no backlog. */
async function measure(
  accept: () => Promise<{ readonly id: string }>,
  watch: (id: string) => AsyncIterable<{ readonly type: string }>,
): Promise<Latency> {
  const begun = Promise.withResolvers<number>()
  const cue = Promise.withResolvers<void>()
  const said = Promise.withResolvers<number>()
  stage.onBegun = () => begun.resolve(performance.now())
  stage.cue = () => cue.promise
  stage.onSaid = () => said.resolve(performance.now())
  const { id } = await accept()
  const acceptedAt = performance.now()
  let heardAt = Infinity
  for await (const { type } of watch(id)) {
    if (type === 'started') cue.resolve()
    if (type === 'custom') heardAt = performance.now()
  }
  // The bell may be faster than the answer to the commit.
  return {
    start: Math.max(0, (await begun.promise) - acceptedAt),
    client: Math.max(0, heardAt - (await said.promise)),
  }
}
