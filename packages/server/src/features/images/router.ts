import { Failure, FILE_NOT_FOUND, identityOf, mutation } from '@tautline/kit'

import { IMAGE_NOT_SUPPORTED, IMAGE_TOO_LARGE, tooLarge } from './errors.ts'
import { formats, MAX_IMAGE_BYTES } from './image-limits.ts'
import { AcceptedImage, ProcessImageInput } from './schema.ts'
import { processTask } from './tasks.ts'

const types: ReadonlySet<string> = new Set(formats.map((format) => `image/${format}`))

const process = mutation({
  summary:
    'Makes an image of one of your images: resized, rotated, converted. What the task makes is a file.',
  input: ProcessImageInput,
  output: AcceptedImage,
  errors: [FILE_NOT_FOUND, IMAGE_NOT_SUPPORTED, IMAGE_TOO_LARGE],
  policy: { allow: 'user', limit: 'writes', priority: 'sheddable', idempotent: 'optional' },
  async run({ ctx, input }) {
    const file = await ctx.files.find(identityOf(ctx.principal), input.fileId)
    if (!file) throw new Failure(FILE_NOT_FOUND)
    if (!types.has(file.contentType)) throw new Failure(IMAGE_NOT_SUPPORTED)
    if (file.size > MAX_IMAGE_BYTES) throw tooLarge()
    const { id: taskId } = await ctx.enqueue(processTask, input)
    return { taskId }
  },
})

export const imagesRouter = { process }
