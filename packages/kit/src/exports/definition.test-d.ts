import { sql } from 'kysely'
import { describe, expectTypeOf, test } from 'vitest'
import { z } from 'zod'

import type { Db } from '../db/database.ts'
import type { Principal } from '../resources.ts'
import { exportRows, type ExportDefinition } from './definition.ts'

const things = (db: Db) =>
  db.selectNoFrom([sql<string>`''`.as('id'), sql<number>`1`.as('size'), sql<bigint>`2`.as('price')])

const thing = { summary: 'All things.', position: { id: z.string() } } as const

describe('an export', () => {
  test('knows its caller as its policy says, and the place to go on from', () => {
    const own = exportRows({
      ...thing,
      policy: { allow: 'user' },
      columns: ['id', 'size', 'price'],
      rows(db, { principal, after }) {
        expectTypeOf(principal).toEqualTypeOf<Principal>()
        expectTypeOf(after).toEqualTypeOf<{ readonly id: string } | undefined>()
        return things(db)
      },
    })
    expectTypeOf(own).toEqualTypeOf<ExportDefinition>()
    exportRows({
      ...thing,
      policy: { allow: 'public' },
      columns: ['size'],
      rows(db, { principal }) {
        expectTypeOf(principal).toEqualTypeOf<Principal | null>()
        return things(db)
      },
    })
  })

  test('tells what its rows have, and no more', () => {
    exportRows({
      ...thing,
      policy: { allow: 'user' },
      columns: ['id', 'weight'],
      // @ts-expect-error -- its rows have no weight
      rows: things,
    })
  })

  test('is ordered by text', () => {
    exportRows({
      ...thing,
      position: { size: z.string() },
      policy: { allow: 'user' },
      columns: ['size'],
      // @ts-expect-error -- a number is no text
      rows: things,
    })
  })
})
