import { query } from '@tautline/kit'

import { ownerOf } from '../../owner.ts'
import { SearchInput, searchPage } from '../../search.ts'
import { ItemPage } from './schema.ts'
import { searchItems } from './search.ts'
import { callerTag, itemsTag } from './tags.ts'

export const search = query({
  summary:
    'Your items by name and sku, the nearest first, page by page: what equals the text, what begins ' +
    'with it, and then what has it in whole words or is like it. Ranks ' +
    'the first 1,000 that begin with it by name and by sku, and compares 9,000 others at most: where more ' +
    'are possible it may miss one.',
  input: SearchInput,
  output: ItemPage,
  policy: {
    allow: 'user',
    limit: 'reads',
    priority: 'sheddable',
    timeoutMs: 2_000,
    cache: {
      ttlMs: 30_000,
      scope: 'caller',
      tags: (_, caller) => [itemsTag(caller), callerTag(caller)],
    },
  },
  run: ({ ctx, input }) =>
    searchPage(ctx, input, (asked) => searchItems(ctx.db, ownerOf(ctx.principal), asked)),
})
