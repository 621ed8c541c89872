import { query, usersTag } from '@tautline/kit'

import { SearchInput, searchPage } from '../../search.ts'
import { UserPage } from './schema.ts'
import { searchUsers } from './search.ts'

export const search = query({
  summary:
    'All users by email address and name, the nearest first, page by page: who equals the text, who ' +
    'begins with it, and then who has it in whole words or is like it. Ranks ' +
    'the first 1,000 that begin with it by address and by name, and compares 9,000 others at most: where ' +
    'more are possible it may miss one.',
  input: SearchInput,
  output: UserPage,
  policy: {
    allow: { role: 'admin' },
    limit: 'reads',
    priority: 'sheddable',
    timeoutMs: 2_000,
    cache: { ttlMs: 30_000, scope: 'caller', tags: () => [usersTag] },
  },
  run: ({ ctx, input }) => searchPage(ctx, input, (asked) => searchUsers(ctx.db, asked)),
})
