import { parse } from 'node:path'

import { Failure, FILE_NOT_FOUND, task, type StagedFile, type TaskContext } from '@tautline/kit'

import { heavyWork } from '../../heavy-work.ts'
import { runImage, type MadeImage } from './run-image.ts'
import { ProcessedImage, ProcessImageInput } from './schema.ts'

/** Longest for one image, in milliseconds: the largest take 15 seconds of a core. */
const TIMEOUT_MS = 120_000

/** Images that one process of the server has made at the same time. */
const AT_ONCE = 2

/** Memory that one of them may take: an AVIF of the largest kind takes 800 MB. */
const MAX_MEMORY_BYTES = 1_000_000_000

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
    const job = {
      source: original.stream(),
      bytes: original.file.size,
      operations,
      maxMemoryBytes: MAX_MEMORY_BYTES,
      signal,
    }
    const take = async ({ info, bytes }: MadeImage) => {
      const staged = await files.stage(own.owner, {
        name: `${stemOf(name)}.${info.format}`,
        source: bytes,
        // However often it is tried, there is one file.
        key: `images.process ${own.id}`,
        signal,
      })
      return keep(ctx, staged, info)
    }
    return await heavyWork.take(signal, () => runImage(job, take))
  },
})

/** So that there is room for what tells the kind; a file's name has 255 characters. */
const MAX_STEM = 240

/** Of a character that was cut in two, what is left. */
const HALF = /[\uD800-\uDBFF]$/

/** A name without what tells its kind. */
const stemOf = (name: string) => parse(name).name.slice(0, MAX_STEM).replace(HALF, '')

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
