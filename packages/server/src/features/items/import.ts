import { Failure, FILE_NOT_FOUND, identityOf, mutation } from '@tautline/kit'

import { ownerOf } from '../../owner.ts'
import { ImportInput, ImportOutput } from './import-schema.ts'
import { importTask } from './tasks.ts'

export const importItems = mutation({
  summary:
    'Begins to import one of your files as items: CSV or NDJSON, of any length. The task tells what came of it.',
  input: ImportInput,
  output: ImportOutput,
  errors: [FILE_NOT_FOUND],
  policy: { allow: { scope: 'items:import' }, idempotent: 'optional', limit: 'imports' },
  async run({ ctx, input }) {
    const file = await ctx.files.find(identityOf(ctx.principal), input.fileId)
    if (!file) throw new Failure(FILE_NOT_FOUND)
    const { id } = await ctx.enqueue(importTask, { ...input, owner: ownerOf(ctx.principal) })
    return { taskId: id }
  },
})
