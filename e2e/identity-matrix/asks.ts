import type { AppRouter } from '@tautline/server/router-type'

import type { People, Standing } from './identities.ts'
import type { Person } from './people.ts'

type Procedures = AppRouter['_def']['procedures']

/** `noun.verb` of every procedure of the reference backend. */
export type Path = {
  [Noun in keyof Procedures]: `${Noun}.${Extract<keyof Procedures[Noun], string>}`
}[keyof Procedures]

type InputOf<P extends Path> = P extends `${infer Noun}.${infer Verb}`
  ? Noun extends keyof Procedures
    ? Verb extends keyof Procedures[Noun]
      ? Procedures[Noun][Verb] extends { _def: { $types: { input: infer Input } } }
        ? Input
        : never
      : never
    : never
  : never

/** The reason of a refusal. */
type Outcome = 'OK' | (string & {})

/** What a call gives to those whom the door lets through. */
type Gives = Readonly<Record<Standing, Outcome>>

/** One way to ask a procedure for what is the subject's. */
export interface Ask<Input = unknown> {
  readonly what: string
  readonly input: (subject: Person, people: People) => Input | Promise<Input>
  readonly gives: Gives
  /** The input is a credential: whoever has it sees the subject's account. */
  readonly opens?: true
  /** An admin sees and changes everybody's. */
  readonly forAdmins?: true
  /** Whose account is of no use to other cells once it was done. */
  readonly spends?: 'caller' | 'subject'
  readonly after?: (answer: string, subject: Person) => void
}

/** Every procedure has at least one. */
export type Fixtures = { readonly [P in Path]: readonly [Ask<InputOf<P>>, ...Ask<InputOf<P>>[]] }

export const anybody = (outcome: Outcome): Gives => ({
  nobody: outcome,
  owner: outcome,
  'owner elsewhere': outcome,
  'key of owner': outcome,
  stranger: outcome,
  'key of stranger': outcome,
  admin: outcome,
})

/** What a tenant has is there for its owner in this tenant alone. */
export const inTenant = (outcomes: { own: Outcome; others: Outcome }): Gives => ({
  ...anybody(outcomes.others),
  owner: outcomes.own,
  'key of owner': outcomes.own,
})

/** An account is its owner's in every tenant, and a key's too. */
export const ofAccount = (refusal: Outcome): Gives => ({
  ...anybody(refusal),
  owner: 'OK',
  'owner elsewhere': 'OK',
  'key of owner': 'OK',
})

export const noKeys = (gives: Gives): Gives => ({
  ...gives,
  'key of owner': 'FORBIDDEN',
  'key of stranger': 'FORBIDDEN',
})

export const orAdmin = (gives: Gives): Gives => ({ ...gives, admin: 'OK' })
