import { parse } from 'node:path'

import { Failure, FILE_NOT_FOUND, task, type StagedFile, type TaskContext } from '@tautline/kit'

import { runImage, type MadeImage } from './run-image.ts'
import { ProcessedImage, ProcessImageInput } from './schema.ts'

/** Longest for one image, in milliseconds: the largest take 15 seconds of a core. */
const TIMEOUT_MS = 120_000

/** Images that one process of the server has made at the same time, each with up to 1 GB. */
const AT_ONCE = 2

export const processTask = task({
  name: 'images.process',
  summary: 'Makes an image of an image.',
  input: ProcessImageInput,
  output: ProcessedImage,
  retry: { limit: 2, baseMs: 500 },
  timeoutMs: TIMEOUT_MS,
  concurrency: AT_ONCE,
  async run({ ctx, input: { fileId, operations } }) {
    const { files, signal, task: own } = ctx
    await using original = await files.open(own.owner, fileId)
    if (!original) throw new Failure(FILE_NOT_FOUND)
    const { name } = original.file
    const job = { source: original.stream(), bytes: original.file.size, operations, signal }
    return await runImage(job, async ({ info, bytes }) => {
      const staged = await files.stage(own.owner, {
        name: `${parse(name).name.slice(0, MAX_NAME)}.${info.format}`,
        source: bytes,
        // However often it is tried, there is one file.
        key: `images.process ${own.id}`,
        signal,
      })
      return keep(ctx, staged, info)
    })
  },
})

/** So that there is room for what tells the kind; a file's name has 255 characters. */
const MAX_NAME = 240

/** Makes a file of it, if this attempt is still the one that counts. */
async function keep(ctx: TaskContext, staged: StagedFile, { width, height }: MadeImage['info']) {
  try {
    const { id, contentType, size } = await ctx.transaction(() => ctx.files.keep(staged))
    return { fileId: id, width, height, contentType, size }
  } catch (error) {
    await ctx.files.discard(staged)
    throw error
  }
}
