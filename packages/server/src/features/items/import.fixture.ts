import { text } from 'node:stream/consumers'

import { expect } from 'vitest'

import { identityOf } from '@tautline/kit'
import type { TestServer } from '@tautline/kit/testing'

import type { app } from '../../app.ts'
import { hold, lose, refuseToSettle } from './import-faults.fixture.ts'
import { ImportTaskOutput } from './import-schema.ts'

type Server = TestServer<typeof app>

let people = 0

/** Somebody without items who may import, and what tests ask of their imports. */
export function newImporter(server: Server, tenantId?: string) {
  const userId = `importer-${++people}`
  const caller = { userId, ...(tenantId && { tenantId }), scopes: ['items:import'] }
  const owner = identityOf(caller)
  const client = server.clientAs(caller)
  const { files, db } = server.app.resources

  /** Keeps a text as a file of theirs, and begins to import it. */
  async function begin(bytes: string | Uint8Array, options: Partial<ImportOptions> = {}) {
    const { name = 'items.csv', onConflict = 'skip', format } = options
    const source = [Buffer.from(bytes)]
    const { id: fileId } = await files.create(owner, { name, source: of(source) })
    const wanted = { fileId, onConflict, ...(format && { format }) }
    return (await client.items.import.mutate(wanted)).taskId
  }

  const see = (id: string) => client.tasks.get.query({ id })

  async function ended(id: string) {
    await expect
      .poll(async () => (await see(id)).finishedAt, { timeout: 20_000, interval: 20 })
      .not.toBeNull()
    return see(id)
  }

  return {
    userId,
    client,
    begin,
    see,
    ended,
    /** Imports a text to its end: what came of it. */
    async import(bytes: string | Uint8Array, options: Partial<ImportOptions> = {}) {
      const { state, error, output } = await ended(await begin(bytes, options))
      expect({ state, error }).toEqual({ state: 'succeeded', error: null })
      return ImportTaskOutput.parse(output)
    },
    /** The items as rows of text, by sku. */
    async items(): Promise<string[]> {
      const rows = await db
        .selectFrom('item')
        .select(['sku', 'name', 'quantity', 'price_minor'])
        .where('owner_id', '=', userId)
        .orderBy('sku')
        .execute()
      return rows.map((row) => Object.values(row).join('|'))
    },
    /** The report that the output of an import tells of, by lines. */
    async report(output: unknown): Promise<string[]> {
      const { reportId } = ImportTaskOutput.parse(output)
      await using open = await files.open(owner, reportId ?? '')
      if (!open) throw new Error('There is no report.')
      return (await text(open.stream())).split('\r\n')
    },
    /** Holds one of their items. */
    holdItem: (sku: string) =>
      hold(server, 'select from item where owner_id = $1 and sku = $2 for update', [userId, sku]),
    /** Holds all that imports have done. */
    holdImports: () => hold(server, 'lock table item_import in share mode'),
    lose: (id: string) => lose(server, id),
    refuseToSettle: () => refuseToSettle(server),
    /** How many reports there are. */
    async reports(): Promise<number> {
      const { items } = await client.files.list.query()
      return items.filter(({ name }) => name === 'import-problems.csv').length
    },
  }
}

export interface ImportOptions {
  readonly name: string
  readonly onConflict: 'skip' | 'update'
  readonly format: 'csv' | 'ndjson'
}

async function* of(chunks: readonly Uint8Array[]) {
  yield* chunks
}
