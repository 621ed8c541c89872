import { randomUUID } from 'node:crypto'

import { uploadFile } from '@tautline/client'

import { anybody, inTenant, type Fixtures, type Path } from './asks.ts'
import type { Person } from './people.ts'

type Noun = 'files' | 'images' | 'mail' | 'reports' | 'tasks'

/** A file of the subject. */
async function newFileOf({ client }: Person) {
  const { id } = await uploadFile(client, new Uint8Array(), { name: 'none.bin' })
  return { id }
}

/** A task of the subject; nobody runs it. */
async function newTaskOf({ client }: Person) {
  const input = { kind: 'price', from: new Date(0), to: new Date(1) } as const
  const { taskId } = await client.reports.compute.mutate(input)
  return { id: taskId }
}

const ofTask = inTenant({ own: 'OK', others: 'TASK_NOT_FOUND' })

/** Begins as an image does, and is none: what a task makes would show in other cells. */
const noImage = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** What is asked for here is done by tasks, which belong to whoever has asked. */
export const works: Pick<Fixtures, Extract<Path, `${Noun}.${string}`>> = {
  'files.get': [
    {
      what: 'a file of the subject',
      input: newFileOf,
      gives: inTenant({ own: 'OK', others: 'FILE_NOT_FOUND' }),
    },
  ],
  'files.list': [{ what: 'theirs', input: () => ({}), gives: anybody('OK') }],
  'files.delete': [
    {
      what: 'a file of the subject',
      input: newFileOf,
      gives: inTenant({ own: 'OK', others: 'FILE_NOT_FOUND' }),
    },
  ],
  'tasks.get': [{ what: 'a task of the subject', input: newTaskOf, gives: ofTask }],
  'tasks.list': [{ what: 'theirs', input: () => ({}), gives: anybody('OK') }],
  'tasks.events': [{ what: 'of a task of the subject', input: newTaskOf, gives: ofTask }],
  'tasks.cancel': [{ what: 'a task of the subject', input: newTaskOf, gives: ofTask }],
  'tasks.retry': [
    {
      what: 'a task of the subject that waits',
      input: newTaskOf,
      gives: inTenant({ own: 'TASK_NOT_RETRYABLE', others: 'TASK_NOT_FOUND' }),
    },
  ],
  'tasks.watch': [{ what: 'a task of the subject', input: newTaskOf, gives: ofTask }],
  'tasks.watchMany': [
    {
      what: 'a task of the subject',
      async input(subject) {
        return { ids: [(await newTaskOf(subject)).id] }
      },
      gives: ofTask,
    },
  ],
  'images.process': [
    {
      what: 'an image of the subject',
      async input({ client }) {
        const { id: fileId } = await uploadFile(client, noImage, { name: 'none.png' })
        return { fileId, operations: [{ rotate: 90 }] }
      },
      gives: inTenant({ own: 'OK', others: 'FILE_NOT_FOUND' }),
    },
  ],
  'mail.sendBulk': [
    {
      what: 'a mail to somebody',
      input: () => ({
        template: { subject: 'Hello', text: 'World' },
        recipients: [{ to: `${randomUUID()}@example.com` }],
      }),
      gives: anybody('OK'),
    },
  ],
  'reports.compute': [
    {
      what: 'a report of whoever asks',
      input: () => ({ kind: 'price', from: new Date(0), to: new Date(1) }),
      gives: anybody('OK'),
    },
  ],
}
