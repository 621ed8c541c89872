import { describe, expectTypeOf, test } from 'vitest'

import {
  createClient,
  watchTask,
  watchTasks,
  type CallError,
  type ConnectionState,
} from '@tautline/client'
import type { TaskEventType } from '@tautline/shared'

import type { WatchedRouter } from './watched-app.ts'

const client = createClient<WatchedRouter>({ url: 'http://localhost' })

/** What every event has. */
interface Event {
  seq: number
  type: TaskEventType
  attempt: number
  at: Date
  data: unknown
}

/** Where several tasks are watched. */
interface EventOfOne extends Event {
  taskId: string
}

describe('watching a task', () => {
  test('gives its events, exactly', async () => {
    for await (const event of watchTask(client, 'id', { afterSeq: 3 })) {
      expectTypeOf(event).toExtend<Event>()
      expectTypeOf<keyof typeof event>().toEqualTypeOf<keyof Event>()
      expectTypeOf(event.type).toEqualTypeOf<TaskEventType>()
      // @ts-expect-error TS2339 -- one task is watched, and it is known which
      void event.taskId
    }
    for await (const event of watchTasks(client, ['id'])) {
      expectTypeOf(event).toExtend<EventOfOne>()
      expectTypeOf<keyof typeof event>().toEqualTypeOf<keyof EventOfOne>()
      if (event.type === 'failed') expectTypeOf(event.data).toEqualTypeOf<{ error: string }>()
    }
  })

  test('narrows what an event tells by its type', async () => {
    for await (const { type, data } of watchTask(client, 'id')) {
      if (type === 'progress') {
        expectTypeOf(data.current).toEqualTypeOf<number>()
        expectTypeOf(data.total).toEqualTypeOf<number | undefined>()
        expectTypeOf(data.message).toEqualTypeOf<string | undefined>()
      } else if (type === 'custom') {
        expectTypeOf(data).toEqualTypeOf<{ name: string; data: unknown }>()
      } else if (type === 'retrying') {
        expectTypeOf(data).toEqualTypeOf<{ error: string; delayMs: number }>()
      } else if (type === 'failed' || type === 'dead') {
        expectTypeOf(data).toEqualTypeOf<{ error: string }>()
      } else {
        expectTypeOf(data).toEqualTypeOf<Record<string, never>>()
      }
    }
  })

  test('tells how it is connected', () => {
    watchTask(client, 'id', {
      signal: new AbortController().signal,
      onState(state) {
        expectTypeOf(state).toEqualTypeOf<ConnectionState>()
        expectTypeOf(state.error).toEqualTypeOf<CallError | null>()
      },
    })
  })

  test('takes any client that has such a procedure, and no other', () => {
    interface Of<Output> {
      _def: {
        procedure: true
        type: 'subscription'
        $types: { input: { id: string; lastEventId?: string }; output: Output; errorShape: unknown }
      }
    }
    interface Router<Output> {
      _def: { record: { tasks: { watch: Of<Output> } } }
    }
    interface Tracked<Data> {
      id: string
      data: Data
    }
    const own = createClient<Router<AsyncIterable<Tracked<{ done: boolean }>>>>({ url: '' })
    expectTypeOf(watchTask(own, 'id')).toEqualTypeOf<AsyncIterableIterator<{ done: boolean }>>()
    const untracked = createClient<Router<AsyncIterable<{ done: boolean }>>>({ url: '' })
    // @ts-expect-error TS2345 -- its events have no ids: nobody could resume
    watchTask(untracked, 'id')
    const taskless = createClient<{ _def: { record: { other: object } } }>({ url: '' })
    // @ts-expect-error TS2345 -- there is no tasks.watch
    watchTask(taskless, 'id')
  })
})

describe('subscribing', () => {
  test('is a loop, or calls back', async () => {
    for await (const { id, data } of client.tasks.watch.subscribe({ id: 'id' })) {
      expectTypeOf(id).toEqualTypeOf<string>()
      expectTypeOf(data).toExtend<Event>()
    }
    const { unsubscribe } = client.tasks.watch.subscribe(
      { id: 'id' },
      {
        onData({ data }) {
          expectTypeOf(data).toExtend<Event>()
        },
        onError(error) {
          if (error.reason === 'TASK_NOT_FOUND') return
          // @ts-expect-error TS2367 -- the procedure does not declare it
          if (error.reason === 'TASK_FINISHED') return
          expectTypeOf(error.reason).toExtend<string>()
        },
      },
    )
    expectTypeOf(unsubscribe).toEqualTypeOf<() => void>()
  })

  test('is for subscriptions, with their input', () => {
    // @ts-expect-error TS2339 -- a query is no subscription
    void client.tasks.get.subscribe
    // @ts-expect-error TS2339 -- a subscription is no query
    void client.tasks.watch.query
    // @ts-expect-error TS2554 -- the input is missing
    client.tasks.watch.subscribe()
    // @ts-expect-error TS2322 -- an id is a text
    client.tasks.watch.subscribe({ id: 1 })
  })
})
