import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

declare module '@tautline/kit' {
  interface Database {
    author: {
      id: GeneratedAlways<number>
      name: string
      'Pen Name': string | null
      joined: ColumnType<Date, Date | string | undefined, Date | string>
    }
    used_mood: {
      mood: GeneratedAlways<'sad' | 'so-so' | 'it\'s "fine"' | null>
    }
    'press.article': {
      id: Generated<string>
      slug: string
      author_id: number
      number: Generated<bigint>
      title: string
      title_length: GeneratedAlways<number | null>
      mood: Generated<'sad' | 'so-so' | 'it\'s "fine"'>
      moods: Generated<string>
      tags: Generated<string[]>
      views: Generated<bigint>
      views_a_day: Generated<string[]>
      price: string | null
      prices: number[] | null
      stars: number
      length_cm: number | null
      is_read: Generated<boolean>
      body: ColumnType<unknown, string, string>
      notes: ColumnType<unknown, string | null, string | null>
      picture: ColumnType<Buffer | null, Uint8Array | null, Uint8Array | null>
      code: string | null
      published: ColumnType<Date | null, Date | string | null, Date | string | null>
      at: ColumnType<Date, Date | string | undefined, Date | string>
      took: ColumnType<{ years?: number; months?: number; days?: number; hours?: number; minutes?: number; seconds?: number; milliseconds?: number; toPostgres(): string } | null, string | null, string | null>
      place: ColumnType<{ x: number; y: number } | null, string | null, string | null>
      address: string | null
      pages: string | null
      kind: Generated<string | null>
    }
    'press.edition': {
      id: bigint
      at: ColumnType<Date, Date | string, Date | string>
    }
    'press.read_article': {
      id: GeneratedAlways<string | null>
      title_length: GeneratedAlways<number | null>
    }
    'press.sale': {
      edition_id: bigint
      edition_at: ColumnType<Date, Date | string, Date | string>
    }
  }
}
