import { control, forgeries, type createForger } from './forgeries.ts'
import type { Person } from './people.ts'

/** Those whose ids the calls name, and the admins. */
export interface People {
  readonly A: Person
  readonly B: Person
  readonly admin: Person
  readonly otherAdmin: Person
}

/** What a procedure can declare, as the columns of the table below. */
export type Door =
  | 'public'
  | 'user'
  | 'user, fresh'
  | 'role admin'
  | 'role admin, fresh'
  | 'scope items:import'
  | 'scope accounts:transfer'

/** What the door says: through, or no further. */
export type AtDoor = 'through' | 'UNAUTHENTICATED' | 'FORBIDDEN'

type Doors = Readonly<Record<Door, AtDoor>>

/** Somebody who calls. */
export interface Identity {
  /** Whose credential it is. For those who are nobody, whose it claims to be. */
  readonly account: 'A' | 'B' | 'admin'
  readonly is: 'nobody' | 'a user' | 'a user elsewhere' | 'a key' | 'an admin'
  readonly doors: Doors
  readonly headers: (
    person: Person,
    forger: ReturnType<typeof createForger>,
  ) => Readonly<Record<string, string>>
}

// Written by hand from what the words mean, and read by nothing but the test.
const nobody: Doors = {
  public: 'through',
  user: 'UNAUTHENTICATED',
  'user, fresh': 'UNAUTHENTICATED',
  'role admin': 'UNAUTHENTICATED',
  'role admin, fresh': 'UNAUTHENTICATED',
  'scope items:import': 'UNAUTHENTICATED',
  'scope accounts:transfer': 'UNAUTHENTICATED',
}
const signedIn: Doors = {
  public: 'through',
  user: 'through',
  'user, fresh': 'through',
  'role admin': 'FORBIDDEN',
  'role admin, fresh': 'FORBIDDEN',
  'scope items:import': 'through',
  'scope accounts:transfer': 'through',
}
const admin: Doors = { ...signedIn, 'role admin': 'through', 'role admin, fresh': 'through' }
const withoutScope: Doors = {
  ...signedIn,
  'scope items:import': 'FORBIDDEN',
  'scope accounts:transfer': 'FORBIDDEN',
}
/** Good until it expires, but not for what asks whether the session goes on. */
const endedSession: Doors = { ...signedIn, 'user, fresh': 'UNAUTHENTICATED' }
const endedAdmin: Doors = {
  ...admin,
  'user, fresh': 'UNAUTHENTICATED',
  'role admin, fresh': 'UNAUTHENTICATED',
}

const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` })
const withSession = ({ accessToken }: Person) => bearer(accessToken)
const withKey = ({ keys }: Person) => bearer(keys.scoped)

/** The header by which the test's server is told that the caller belongs to another tenant. */
export const TENANT_HEADER = 'x-test-tenant'

const known: Readonly<Record<string, Identity>> = {
  anonymous: { account: 'A', is: 'nobody', doors: nobody, headers: () => ({}) },
  owner: { account: 'A', is: 'a user', doors: signedIn, headers: withSession },
  'other user': { account: 'B', is: 'a user', doors: signedIn, headers: withSession },
  'other tenant': {
    account: 'A',
    is: 'a user elsewhere',
    doors: signedIn,
    headers: (person) => ({ ...withSession(person), [TENANT_HEADER]: 'elsewhere' }),
  },
  admin: { account: 'admin', is: 'an admin', doors: admin, headers: withSession },
  key: { account: 'A', is: 'a key', doors: signedIn, headers: withKey },
  'key of another user': { account: 'B', is: 'a key', doors: signedIn, headers: withKey },
  // A key has none of its owner's roles.
  'key of an admin': { account: 'admin', is: 'a key', doors: signedIn, headers: withKey },
  'missing scope': {
    account: 'A',
    is: 'a key',
    doors: withoutScope,
    headers: ({ keys }) => bearer(keys.scopeless),
  },
  'revoked key': {
    account: 'A',
    is: 'nobody',
    doors: nobody,
    headers: ({ keys }) => bearer(keys.revoked),
  },
  'reused refresh': {
    account: 'A',
    is: 'a user',
    doors: endedSession,
    headers: ({ ended }) => bearer(ended.accessToken),
  },
  'reused refresh of an admin': {
    account: 'admin',
    is: 'an admin',
    doors: endedAdmin,
    headers: ({ ended }) => bearer(ended.accessToken),
  },
  'refresh token as access token': {
    account: 'A',
    is: 'nobody',
    doors: nobody,
    headers: ({ refresh }) => bearer(refresh.token),
  },
  'right token, signed by the test': {
    account: 'A',
    is: 'a user',
    doors: signedIn,
    headers: ({ accessToken }, forger) => bearer(control(forger(accessToken))),
  },
}

const forged = Object.entries(forgeries).map(([name, forge]): [string, Identity] => [
  name,
  {
    account: 'A',
    is: 'nobody',
    doors: nobody,
    headers: ({ accessToken }, forger) => bearer(forge(forger(accessToken))),
  },
])

/** Everybody who calls every procedure, by name. */
export const identities = new Map<string, Identity>([...Object.entries(known), ...forged])

/** What the caller is to the person whose ids the call names. */
export type Standing =
  | 'nobody'
  | 'owner'
  | 'owner elsewhere'
  | 'key of owner'
  | 'stranger'
  | 'key of stranger'
  | 'admin'

export function standingOf({ is, account }: Identity, subject: 'A' | 'B'): Standing {
  const own = account === subject
  switch (is) {
    case 'nobody':
      return 'nobody'
    case 'an admin':
      return 'admin'
    case 'a key':
      return own ? 'key of owner' : 'key of stranger'
    case 'a user':
      return own ? 'owner' : 'stranger'
    case 'a user elsewhere':
      return own ? 'owner elsewhere' : 'stranger'
  }
}
