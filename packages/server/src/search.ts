import { sql, type RawBuilder } from 'kysely'
import { z } from 'zod'

import { MAX_PAGE_SIZE, toPage, type CallContext } from '@tautline/kit'

/**
 * Matches of one kind that a search ranks at most. Ranking reads every match, and half of a table may
 * begin with an `a`: this bounds what a page costs, whatever is asked for.
 */
const MAX_RANKED = 1_000

/** Rows with all trigrams of a text that are asked at most whether they contain it. */
const MAX_CONTAINING = 5_000

/** How far apart what equals the text, what begins with it and what is like it are ranked. */
const STEP = 20_000

export const SearchInput = z.strictObject({
  /** What is looked for. Case and the space around it do not matter, and no character is special. */
  q: z.string().trim().normalize().min(1).max(100),
  limit: z.int().min(1).max(MAX_PAGE_SIZE).default(20),
  cursor: z.string().min(1).max(500).nullish(),
})

/** Where a row stands among what was found: at the smaller distance first, then at the smaller id. */
export interface Rank {
  readonly distance: string
  readonly id: string
}

/** Before all there is. */
export const FIRST_RANK: Rank = { distance: '-1', id: '00000000-0000-0000-0000-000000000000' }

/** What a page of a search is to have. */
export interface Asked {
  readonly q: string
  readonly after: Rank
  readonly limit: number
}

/** Answers a search with the page that it asks for, of rows found by `find`. */
export async function searchPage<Row extends { readonly id: string; readonly distance: number }>(
  ctx: Pick<CallContext, 'cursors'>,
  { q, cursor, limit }: z.output<typeof SearchInput>,
  find: (asked: Asked) => Promise<readonly Row[]>,
) {
  const cursors = ctx.cursors({ q })
  const [distance = '', id = ''] = cursor ? cursors.open(cursor) : []
  const rows = await find({ q, after: cursor ? { distance, id } : FIRST_RANK, limit })
  return toPage(rows, limit, {
    item: ({ distance: _, ...row }) => row,
    cursor: (row) => cursors.seal([String(row.distance), row.id]),
  })
}

/** Where to look. */
interface Place {
  /** A table with a column `id`, a uuid. */
  readonly table: string
  /** Which of its rows. */
  readonly where: RawBuilder<unknown>
  /** What may begin with the text: each has an index on what identifies `where`, `folded(…)` and `id`. */
  readonly columns: readonly [string, string]
  /**
   * What may be like it, made of the columns: `show_trgm` of it has a GIN index, after what
   * identifies `where`.
   */
  readonly words: RawBuilder<unknown>
}

interface Match {
  /** Id of the row. */
  match: string
  distance: number
}

/**
 * A subquery that finds one page: the nearest rows first, and one more than `limit`, which tells
 * whether another page follows. Of what begins with the text it ranks the first 1,000 of each column
 * in their order. Of what has it in whole words it ranks 1,000, among 5,000 rows with all its
 * trigrams; of what is like it, those among 1,000 rows with all its trigrams, and among 1,000 more for
 * each of its thirds. Where more rows have these, it takes them as the table has them. So a search
 * compares 9,000 rows at most, whatever is asked for, and may miss one where there are more.
 * Every page ranks them anew, and so costs what the first one does.
 *
 * What the index reads is not bounded so: where 200,000 rows have all trigrams of a text, each of the
 * five scans took 50 ms for 3 words and 200 ms for 17.
 */
export function nearest(place: Place, { q, after, limit }: Asked): RawBuilder<Match> {
  const { words, columns } = place
  const [first, second] = columns.map((column) => sql.ref(column))
  const [firstText, secondText] = columns.map(folded)
  const candidates = candidatesOf(place)
  return sql<Match>`(
    with by_first as (
      ${candidates} and ${firstText} ^@ lower(${q}::text) order by ${firstText}, id limit ${MAX_RANKED}
    ), by_second as (
      ${candidates} and ${secondText} ^@ lower(${q}::text) order by ${secondText}, id limit ${MAX_RANKED}
    ), pieces as materialized (
      ${piecesOf(q)}
    ), verbatim as (
      select id, ${first}, ${second} from pieces, ${thatHave(place, MAX_CONTAINING)}
      where piece = ${q} and ${words} ilike ${containing(q)} limit ${MAX_RANKED}
    ), alike as (
      select id, ${first}, ${second} from pieces, ${thatHave(place, MAX_RANKED)}
      where ${q}::text <% ${words}
    ), found as (
      table by_first union table by_second union table verbatim union table alike
    ), ranked as (
      select id, ${distance(columns, q)} as distance from found
    )
    select id as match, distance from ranked
    where (distance, id) > (${after.distance}::int, ${after.id}::uuid)
    order by distance, id limit ${limit + 1}
  )`
}

function candidatesOf({ table, where, columns }: Place) {
  const [first, second] = columns.map((column) => sql.ref(column))
  return sql`select id, ${first}, ${second} from ${sql.table(table)} where ${where}`
}

/**
 * A text and its thirds, each with those trigrams of the text that it has: null where it has none,
 * which no row then has. A wrong letter spoils three trigrams in a row at most, and so leaves a third
 * whole. The thirds overlap: each trigram of the text is in one of them.
 */
function piecesOf(q: string) {
  const letters = Array.from(q)
  const third = Math.ceil(letters.length / 3)
  const thirds = [0, 1, 2].map((n) =>
    letters.slice(Math.max(0, n * third - 2), (n + 1) * third).join(''),
  )
  return sql`select piece, (
      select array_agg(trigram) from unnest(show_trgm(${q}::text)) trigram
      where trigram = any (show_trgm(piece))
    ) as trigrams
    from unnest(${[...new Set([q, ...thirds])]}::text[]) piece`
}

/**
 * Up to `most` rows with all trigrams of a piece, for each piece. Here the index alone decides, as it
 * cannot for `<%` and `ilike`: under these Postgres would read and compare all that the index holds
 * for possible, in search of what a limit still lacks, 200,000 rows in 2 s. What the index finds is
 * materialized, which makes Postgres plan it as if every row were wanted: under a limit it would read
 * the table instead, in vain where the words are those of others. (A GiST index gives the nearest
 * first. It took 5 times as long to write as GIN, and 11 to 190 ms for what GIN finds in 3 to 80.)
 */
function thatHave(place: Place, most: number) {
  return sql`lateral (
    with having_all as materialized (
      ${candidatesOf(place)} and show_trgm(${place.words}) @> trigrams
    )
    table having_all limit ${most}
  ) as row`
}

/** A column as beginnings are looked for: without case, in an order that such an index has. */
const folded = (column: string) => sql`(lower(${sql.ref(column)}) collate "C")`

const containing = (q: string) => `%${q.replaceAll(/[\\%_]/g, '\\$&')}%`

/**
 * A whole number up to 10,000, the less the more trigrams there are in common; a step more where a
 * column only begins with the text, and two where it is only like it.
 */
function distance(columns: Place['columns'], q: string): RawBuilder<number> {
  const [first, second] = columns.map((column) => sql`lower(${sql.ref(column)})`)
  const text = sql`lower(${q}::text)`
  return sql`case
      when ${text} in (${first}, ${second}) then 0
      when ${first} ^@ ${text} or ${second} ^@ ${text} then ${STEP}::int
      else 2 * ${STEP}::int
    end + round(10000 * (1 - greatest(
      word_similarity(${text}, ${first}), word_similarity(${text}, ${second})
    )))::int`
}
