import { z } from 'zod'

import { Failure } from '@tautline/shared'

import { toPage } from '../../db/keyset.ts'
import type { FilesAllow } from '../../files-http/definition.ts'
import { FILE_NOT_FOUND } from '../../files/errors.ts'
import { listFiles } from '../../files/queries.ts'
import { mutation, query } from '../../rpc/define.ts'
import type { LimitPolicies } from '../../rpc/feature-limits.ts'
import { identityOf } from '../../rpc/handler-context.ts'
import { File, FileByIdInput, FilePage, ListFilesInput } from './schema.ts'

export interface FilesRouterOptions extends LimitPolicies {
  readonly allow: FilesAllow
}

/** What is said and done about files; they come and go beside it, at `/files`. */
export function createFilesRouter({ allow, reads, writes }: FilesRouterOptions) {
  return {
    get: query({
      summary: 'What one of your files is; its bytes are at `/files/<id>`.',
      input: FileByIdInput,
      output: File,
      errors: [FILE_NOT_FOUND],
      policy: { allow, ...reads },
      async run({ ctx, input }) {
        const file = await ctx.files.find(identityOf(ctx.principal), input.id)
        if (!file) throw new Failure(FILE_NOT_FOUND)
        return file
      },
    }),

    list: query({
      summary: 'Your files, newest first, page by page.',
      input: ListFilesInput.default({ limit: 50 }),
      output: FilePage,
      policy: { allow, ...reads },
      async run({ ctx, input: { cursor, limit } }) {
        const cursors = ctx.cursors({})
        const [createdAt = '', id = ''] = cursor ? cursors.open(cursor) : []
        const after = cursor ? { createdAt, id } : undefined
        const rows = await listFiles(ctx.db, identityOf(ctx.principal), { after, limit })
        return toPage(rows, limit, {
          item: ({ position: _, size, sha256, ...file }) => ({
            ...file,
            size: Number(size),
            sha256: sha256.toString('hex'),
          }),
          cursor: (row) => cursors.seal([row.position, row.id]),
        })
      },
    }),

    delete: mutation({
      summary: 'Deletes one of your files. Whoever is reading it reads it to its end.',
      input: FileByIdInput,
      output: z.void(),
      errors: [FILE_NOT_FOUND],
      policy: { allow, ...writes, idempotent: 'optional' },
      async run({ ctx, input }) {
        const deleted = await ctx.files.remove(identityOf(ctx.principal), input.id)
        if (!deleted) throw new Failure(FILE_NOT_FOUND)
      },
    }),
  }
}
