import { expect, test } from 'vitest'

import { isOwnEvent, isTask } from './task-kinds.ts'

interface Import {
  readonly name: 'items.import'
  readonly output: { readonly created: number }
}

interface Page {
  readonly name: 'page'
  readonly data: { readonly nr: number }
}

test('a task is known by its name, and only then by its output', () => {
  const tasks = [
    { name: 'items.import', output: { created: 3 } },
    { name: 'items.import', output: null },
    { name: 'reports.compute', output: { created: 'no' } },
  ]
  const imports = tasks.filter((task) => isTask<Import>(task, 'items.import'))
  expect(imports.map(({ output }) => output?.created)).toEqual([3, undefined])
})

test('an event of a task’s own is known by its name, and is no other', () => {
  const page = { name: 'page', data: { nr: 7 } }
  const events = [
    { seq: 1, type: 'custom', data: page },
    { seq: 2, type: 'custom', data: { ...page, name: 'cover' } },
    { seq: 3, type: 'progress', data: page },
    { seq: 4, type: 'custom', data: null },
    { seq: 5, type: 'custom', data: 'page' },
  ]
  const pages = events.filter((event) => isOwnEvent<Page>(event, 'page'))
  expect(pages.map(({ seq, data }) => [seq, data.data.nr])).toEqual([[1, 7]])
})
