import type { Selectable } from 'kysely'
import { expect, test } from 'vitest'

import '../testing/generated/press-tables.fixture.ts'
import { openMigrated } from '../testing/migrated-database.ts'
import { app } from '../testing/press-app.fixture.ts'
import type { Database } from './database.ts'

/** What is read as it was written. */
const same = {
  slug: 'on-knots',
  number: 7n,
  title: 'On knots',
  mood: 'it\'s "fine"',
  moods: '{sad,so-so}',
  tags: ['a,b', 'c'],
  views: 2n ** 62n,
  views_a_day: ['1', '9007199254740993'],
  price: '12345678.90',
  prices: [1.5, 2],
  stars: 4.5,
  length_cm: 30,
  is_read: true,
  code: 'abc',
  published: new Date('2026-11-22T10:20:30.456Z'),
  at: new Date('2026-11-22T10:20:30.456Z'),
  address: '10.0.0.1',
  pages: '[1,5)',
  kind: null,
} satisfies Partial<Selectable<Database['press.article']>>

test('the types of a database that was there say what our pool takes and gives', async () => {
  await using migrated = await openMigrated(app)
  const { db } = migrated
  const author = await db
    .insertInto('author')
    .values({ name: 'Anna', 'Pen Name': null, joined: '2026-11-22' })
    .returning(['id', 'joined', 'Pen Name as penName'])
    .executeTakeFirstOrThrow()
  expect(author).toEqual<typeof author>({ id: 1, joined: new Date(2026, 10, 22), penName: null })

  const { took, ...article } = await db
    .insertInto('press.article')
    .values({
      ...same,
      author_id: author.id,
      body: JSON.stringify({ words: [1, null] }),
      notes: '"short"',
      picture: Uint8Array.of(1, 255),
      took: '1 day 02:03:04.5',
      place: '(1,2.5)',
    })
    .returning([
      ...(['slug', 'number', 'title', 'mood', 'moods', 'tags', 'views', 'views_a_day'] as const),
      ...(['price', 'prices', 'stars', 'length_cm', 'is_read', 'code', 'published'] as const),
      ...(['at', 'address', 'pages', 'kind'] as const),
      ...(['title_length', 'body', 'notes', 'picture', 'took', 'place'] as const),
    ])
    .executeTakeFirstOrThrow()
  expect(article).toEqual<typeof article>({
    ...same,
    title_length: 8,
    body: { words: [1, null] },
    notes: 'short',
    picture: Buffer.of(1, 255),
    place: { x: 1, y: 2.5 },
  })
  expect({ ...took }).toEqual<Partial<typeof took>>({
    days: 1,
    hours: 2,
    minutes: 3,
    seconds: 4,
    milliseconds: 500,
  })
  const seen = await db.selectFrom('press.read_article').select('title_length').execute()
  expect(seen).toEqual<typeof seen>([{ title_length: 8 }])
})
