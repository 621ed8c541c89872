import { describe, expectTypeOf, test } from 'vitest'
import { z } from 'zod'

import { createClient, isOwnEvent, isTask, watchTask, watchTasks } from '@tautline/client'
import { bearerIdentity, defineApp, task, tasks, type TasksOf } from '@tautline/kit'
import type { AppRouter, AppTasks } from '@tautline/server/router-type'

const client = createClient<AppRouter>({ url: 'http://localhost' })

const print = task({
  name: 'book.print',
  summary: 'Prints a book.',
  input: z.void(),
  output: z.object({ copies: z.bigint() }),
  events: { page: z.object({ nr: z.int(), at: z.date().default(() => new Date(0)) }) },
  run: async () => ({ copies: 1n }),
})
const app = defineApp({
  name: 'press',
  version: '0.0.0',
  features: { books: { router: {}, tasks: [print] }, tasks: tasks() },
  identity: bearerIdentity(),
  migrations: new URL('file:///none/'),
})
type PressTasks = TasksOf<typeof app.features>

describe('the tasks of a backend, as clients know them', () => {
  test('are those of all its features', () => {
    expectTypeOf<keyof PressTasks>().toEqualTypeOf<'book.print'>()
    expectTypeOf<'images.process' | 'items.import' | 'mail.welcome'>().toExtend<keyof AppTasks>()
    expectTypeOf<'items.export'>().not.toExtend<keyof AppTasks>()
  })

  test('have the output of their schema, once the name is known', async () => {
    const view = await client.tasks.get.query({ id: '' })
    expectTypeOf(view.output).toEqualTypeOf<unknown>()
    if (isTask<AppTasks['items.import']>(view, 'items.import')) {
      expectTypeOf(view.output).toEqualTypeOf<{
        created: number
        updated: number
        skipped: number
        bad: number
        reportId: string | null
      } | null>()
      expectTypeOf(view.finishedAt).toEqualTypeOf<Date | null>()
    } else if (isTask<AppTasks['reports.compute']>(view, 'reports.compute')) {
      expectTypeOf(view.output?.bands).toExtend<{ valueMinor: bigint }[] | undefined>()
    } else {
      expectTypeOf(view.output).toEqualTypeOf<unknown>()
    }
    // @ts-expect-error TS2345 -- that is another task
    isTask<AppTasks['items.import']>(view, 'reports.compute')
    // @ts-expect-error TS2339 -- there is no such task
    type Missing = AppTasks['items.export']
    expectTypeOf<Missing>().toBeAny()
  })

  test('have the events of their schemas, once the event’s name is known', async () => {
    type Page = PressTasks['book.print']['events']['page']
    for await (const event of watchTask(client, '')) {
      if (isOwnEvent<Page>(event, 'page')) {
        expectTypeOf(event.data.data).toEqualTypeOf<{ nr: number; at: Date }>()
        expectTypeOf(event.seq).toEqualTypeOf<number>()
        expectTypeOf(event.type).toEqualTypeOf<'custom'>()
      } else if (event.type === 'progress') {
        expectTypeOf(event.data.current).toEqualTypeOf<number>()
      }
      // @ts-expect-error TS2345 -- that is another event
      isOwnEvent<Page>(event, 'cover')
    }
    for await (const event of watchTasks(client, [''])) {
      if (isOwnEvent<Page>(event, 'page')) expectTypeOf(event.taskId).toEqualTypeOf<string>()
    }
    expectTypeOf<keyof AppTasks['items.import']['events']>().toEqualTypeOf<never>()
  })
})
