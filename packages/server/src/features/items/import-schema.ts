import { z } from 'zod'

/** What an import does with rows whose sku the owner already has. */
const OnConflict = z.enum(['skip', 'update'])

export const ImportInput = z.strictObject({
  /** A file of the caller's. */
  fileId: z.uuid().toLowerCase(),
  /**
   * CSV: a line of titles that names `sku`, `name`, `priceMinor` and, if you like, `quantity`, then one
   * item a row; commas, double quotes. NDJSON: one object a line. UTF-8 both. Default: as the name of
   * the file ends, else as its first character looks.
   */
  format: z.enum(['csv', 'ndjson']).optional(),
  /**
   * What happens to a row whose sku the owner already has, be it from an earlier row of the same file:
   * `skip` keeps the item as it is, so the first row counts, `update` overwrites it, so the last does.
   */
  onConflict: OnConflict,
})

export const ImportOutput = z.object({ taskId: z.uuid() })

/** What the task needs beside its own owner. */
export const ImportTaskInput = ImportInput.extend({
  /** Whose the items will be. */
  owner: z.strictObject({ ownerId: z.string(), tenantId: z.string() }),
})

/** What came of each row of the file: they add up to how many it has. */
export const ImportTaskOutput = z.object({
  created: z.int(),
  updated: z.int(),
  skipped: z.int(),
  /** Rows that are no item. */
  bad: z.int(),
  /** A file of the owner's that tells of them, `row,problem` in CSV; null where there are none. */
  reportId: z.uuid().nullable(),
})
