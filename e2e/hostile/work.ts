import { uploadFile, watchTask, type createClient } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

/** What somebody has who had a file imported. */
export interface Work {
  readonly fileId: string
  readonly taskId: string
  readonly notificationId: string
  readonly cursors: Readonly<Record<'files' | 'tasks' | 'notifications', string>>
}

/** Two files, the tasks of their import, which are over, and the news of them. */
export async function doWork(client: ReturnType<typeof createClient<AppRouter>>): Promise<Work> {
  const importOne = async (name: string) => {
    const csv = new TextEncoder().encode(`sku,name,priceMinor\n${name},A ${name},5\n`)
    const { id: fileId } = await uploadFile(client, csv, { name: `${name}.csv` })
    const { taskId } = await client.items.import.mutate({ fileId, onConflict: 'skip' })
    for await (const _ of watchTask(client, taskId));
    return { fileId, taskId }
  }
  await importOne('flag')
  const work = await importOne('lamp')
  const files = await client.files.list.query({ limit: 1 })
  const tasks = await client.tasks.list.query({ limit: 1 })
  const notifications = await client.notifications.list.query({ limit: 1 })
  return {
    ...work,
    notificationId: notifications.items[0]?.id ?? '',
    cursors: {
      files: files.nextCursor ?? '',
      tasks: tasks.nextCursor ?? '',
      notifications: notifications.nextCursor ?? '',
    },
  }
}
