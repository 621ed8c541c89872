import { randomUUID } from 'node:crypto'

import { anybody, type Fixtures, type Path } from './asks.ts'

/** Nobody has any: what there is to see is in the tests of the feature. */
export const notifications: Pick<Fixtures, Extract<Path, `notifications.${string}`>> = {
  'notifications.list': [{ what: 'theirs', input: () => undefined, gives: anybody('OK') }],
  'notifications.markRead': [
    { what: 'an id', input: () => ({ ids: [randomUUID()] }), gives: anybody('OK') },
    { what: 'all of theirs', input: () => ({ upTo: 9 }), gives: anybody('OK') },
  ],
  'notifications.watch': [
    {
      what: 'behind one that they do not have',
      input: () => ({ lastEventId: '9' }),
      gives: anybody('BAD_INPUT'),
    },
  ],
}
