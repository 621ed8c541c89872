import { z } from 'zod'

import { MAX_PAGE_SIZE } from '../../db/keyset.ts'

/** Postgres writes ids in lower case, and so does whoever compares them. */
const FileId = z.uuid().toLowerCase()

export const FileByIdInput = z.strictObject({ id: FileId })

/** A file as its owner sees it. */
export const File = z.object({
  id: FileId,
  name: z.string(),
  contentType: z.string(),
  /** In bytes. */
  size: z.int(),
  /** Of its bytes, in hex. */
  sha256: z.string(),
  createdAt: z.date(),
})

export const ListFilesInput = z.strictObject({
  limit: z.int().min(1).max(MAX_PAGE_SIZE).default(50),
  cursor: z.string().min(1).max(500).nullish(),
})

export const FilePage = z.object({ items: z.array(File), nextCursor: z.string().nullable() })
