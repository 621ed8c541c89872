import fc from 'fast-check'

import { forgedTokens, mangled } from './forged-tokens.ts'
import {
  batch,
  single,
  type Call,
  type HostileRequest,
  type HttpRequest,
} from './hostile-request.ts'
import { anyValue } from './hostile-text.ts'
import { deep, huge, nearValid, typeSwapped } from './mutations.ts'
import { oddHttp } from './odd-http.ts'
import { editedText, encode, liedAbout } from './payloads.ts'
import type { Procedure } from './procedures.ts'
import { aborted, rawBytes } from './raw-bytes.ts'
import { validInput } from './valid-input.ts'
import type { World } from './world.ts'

type Inputs = fc.Arbitrary<unknown>

/** How an input is made hostile, and how often of a hundred requests. */
const kinds: readonly [kind: string, weight: number, of: (inputs: Inputs) => Texts][] = [
  ['valid', 36, (inputs) => inputs.map(encode)],
  ['near-valid', 8, (inputs) => nearValid(inputs).map(encode)],
  ['type-swapped', 6, (inputs) => typeSwapped(inputs).map(encode)],
  ['deep', 2, (inputs) => deep(inputs).map(encode)],
  ['huge', 3, (inputs) => huge(inputs).map(encode)],
  ['edited text', 10, editedText],
  ['lies of superjson', 6, liedAbout],
]
type Texts = fc.Arbitrary<string | Buffer>

const OTHERS = { batch: 9, token: 6, cursor: 3, http: 5, raw: 4, aborted: 2 }

/** A hash takes the time of thirty other calls, and is the same for every input. */
const WEIGHT = { slow: 1, usual: 6 }

/** All that a generator of requests needs to know. */
export interface Ground {
  readonly procedures: readonly Procedure[]
  readonly world: World
}

/** Every procedure once, valid and with what exists, so that each of them is hit for certain. */
export function openingRequests({ procedures, world }: Ground): fc.Arbitrary<HostileRequest[]> {
  const requests = procedures.map((procedure) => {
    const best = (field: string) => world.known(procedure.path, field).slice(0, 1)
    return validInput(procedure.input, { of: best, only: true })
      .map(encode)
      .map((text) => single('opening', { procedure, text }, world.callerOf(procedure)))
  })
  return fc.tuple(...requests)
}

/** Requests of every kind, over and over. */
export function hostileRequests(ground: Ground): fc.Arbitrary<HostileRequest> {
  const valid = singles(ground, 'valid', (inputs) => inputs.map(encode))
  return fc.oneof(
    ...kinds.map(([kind, weight, of]) => ({ weight, arbitrary: singles(ground, kind, of) })),
    { weight: OTHERS.batch, arbitrary: batches(ground) },
    { weight: OTHERS.token, arbitrary: withForgedToken(valid, ground.world) },
    { weight: OTHERS.cursor, arbitrary: withForgedCursor(ground) },
    { weight: OTHERS.http, arbitrary: oddHttp(valid) },
    { weight: OTHERS.raw, arbitrary: rawBytes(valid) },
    { weight: OTHERS.aborted, arbitrary: aborted(valid) },
  )
}

function singles(
  { procedures, world }: Ground,
  kind: string,
  of: (inputs: Inputs) => Texts,
): fc.Arbitrary<HttpRequest> {
  return fc.oneof(
    ...procedures.map((procedure) => ({
      weight: procedure.slow ? WEIGHT.slow : WEIGHT.usual,
      arbitrary: of(inputsOf(procedure, world)).map((text) =>
        single(kind, { procedure, text }, world.callerOf(procedure)),
      ),
    })),
  )
}

function inputsOf({ path, input }: Procedure, world: World): Inputs {
  return validInput(input, { of: (field) => world.known(path, field), only: false })
}

/** Batches of one caller: some calls as they should be, some not; as long as allowed, and longer. */
function batches({ procedures, world }: Ground): fc.Arbitrary<HttpRequest> {
  const caller = world.callerOf(
    procedures.find(({ allow }) => allow === 'user') ?? first(procedures),
  )
  // A stream is no part of a batch; that one is refused is shown elsewhere.
  const callable = procedures.filter(
    (one) => world.callerOf(one) === caller && !one.slow && one.kind !== 'subscription',
  )
  const callOf = (some: readonly Procedure[]): fc.Arbitrary<Call> =>
    fc.oneof(
      ...some.flatMap((procedure) => {
        const inputs = inputsOf(procedure, world)
        const texts = (arbitrary: Inputs) =>
          arbitrary.map(encode).map((text) => ({ procedure, text }))
        return [
          { weight: 3, arbitrary: texts(inputs) },
          { weight: 1, arbitrary: texts(typeSwapped(inputs)) },
        ]
      }),
    )
  const listOf = (minLength: number, maxLength: number, some = callable) =>
    fc.array(callOf(some), { minLength, maxLength })
  const calls = fc.oneof(
    // tRPC takes no batch of both kinds.
    ...(['query', 'mutation'] as const).flatMap((kind) => {
      const some = callable.filter((one) => one.kind === kind)
      return [
        { weight: 5, arbitrary: listOf(1, 6, some) },
        { weight: 1, arbitrary: listOf(20, 20, some) },
        { weight: 1, arbitrary: listOf(21, 30, some) },
      ]
    }),
    { weight: 2, arbitrary: listOf(2, 6) },
  )
  const bodies = fc.constantFrom<(body: string) => string>(
    ...Array<(body: string) => string>(6).fill((body) => body),
    (body) => body.replace('{"0":', '{"7":'),
    (body) => body.replace('{', '{"__proto__":{"json":1},"-1":1,"1e1":2,"length":9,'),
    (body) => body.replace('{', '{"0":null,"0":[],'),
    (body) => `[${body}]`,
    () => '{}',
    () => `[${','.repeat(100_000)}]`,
  )
  return fc.tuple(calls, bodies).map(([several, change]) => {
    const request = batch('batch', several, caller)
    return { ...request, body: change(String(request.body)) }
  })
}

function withForgedToken(
  requests: fc.Arbitrary<HttpRequest>,
  world: World,
): fc.Arbitrary<HttpRequest> {
  return fc.tuple(requests, forgedTokens(world)).map(([request, authorization]) => ({
    ...request,
    kind: 'forged token',
    headers: { ...request.headers, authorization },
    forged: true,
  }))
}

/** Cursors of another list or another caller, and cursors with a character changed. */
function withForgedCursor({ procedures, world }: Ground): fc.Arbitrary<HttpRequest> {
  const lists = procedures.filter(({ path }) => world.cursors[path] !== undefined)
  return fc.oneof(
    ...lists.map((procedure) => {
      const { path } = procedure
      const others = Object.entries(world.cursors).filter(([list]) => list !== path)
      const strange = [...others.map(([, cursor]) => cursor), world.victimsSecrets.cursor]
      const cursors = fc.oneof(mangled(world.cursors[path] ?? ''), fc.constantFrom(...strange))
      return fc.oneof(cursors, cursors, anyValue.filter(isNoCursor)).map((cursor) => {
        const call = { procedure, text: encode({ limit: 1, cursor }) }
        return { ...single('forged cursor', call, world.callerOf(procedure)), forged: true }
      })
    }),
  )
}

/** Leaving the cursor out is no forgery, in whatever way. */
function isNoCursor(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

function first<T>(values: readonly T[]): T {
  const [value] = values
  if (value === undefined) throw new Error('There is nothing to choose from.')
  return value
}
