import { uploadFile, watchTask, type createClient } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

type Client = ReturnType<typeof createClient<AppRouter>>

/** Files, tasks and news of both, and what may well be tried with one's own and with another's. */
export async function doWork({
  attacker,
  victim,
}: Readonly<Record<'attacker' | 'victim', Client>>) {
  const [own, theirs] = [await importFiles(attacker), await importFiles(victim)]
  const fileIds = [own.fileId, theirs.fileId]
  return {
    ids: { files: fileIds, tasks: [own.taskId, theirs.taskId] },
    cursors: own.cursors,
    values: {
      'files.list cursor': [own.cursors['files.list']],
      'images.process fileId': fileIds,
      'items.import fileId': fileIds,
      'tasks.list cursor': [own.cursors['tasks.list']],
      'tasks.watchMany ids': [[own.taskId], [own.taskId, theirs.taskId]],
      'notifications.list cursor': [own.cursors['notifications.list']],
      'notifications.markRead ids': [[own.newsId, theirs.newsId]],
    },
  }
}

/** Two files, the tasks of their import, which are over, and the news of them. */
async function importFiles(client: Client) {
  await importFile(client, 'flag')
  const work = await importFile(client, 'lamp')
  const files = await client.files.list.query({ limit: 1 })
  const tasks = await client.tasks.list.query({ limit: 1 })
  const news = await client.notifications.list.query({ limit: 1 })
  return {
    ...work,
    newsId: news.items[0]?.id ?? '',
    cursors: {
      'files.list': files.nextCursor ?? '',
      'tasks.list': tasks.nextCursor ?? '',
      'notifications.list': news.nextCursor ?? '',
    },
  }
}

async function importFile(client: Client, name: string) {
  const csv = new TextEncoder().encode(`sku,name,priceMinor\n${name},A ${name},5\n`)
  const { id: fileId } = await uploadFile(client, csv, { name: `${name}.csv` })
  const { taskId } = await client.items.import.mutate({ fileId, onConflict: 'skip' })
  for await (const _ of watchTask(client, taskId));
  return { fileId, taskId }
}
