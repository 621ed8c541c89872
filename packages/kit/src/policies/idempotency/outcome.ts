import { Failure, isFailure, wire, type ErrorCode, type ErrorDefinition } from '@tautline/shared'

/** What these tell holds for the moment: the same call may end otherwise when it comes again. */
const FOR_THE_MOMENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BAD_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'TOO_MANY_REQUESTS',
  'CLIENT_CLOSED_REQUEST',
  'INTERNAL_SERVER_ERROR',
  'SERVICE_UNAVAILABLE',
  'GATEWAY_TIMEOUT',
])

/** How a stored text begins; what follows is the encoded answer, or a `Refusal`. */
const ANSWER = 'answer:'
const REFUSAL = 'refusal:'

interface Refusal extends Pick<Failure['details'], 'retryAfterMs' | 'issues'> {
  readonly reason: string
  /** On the wire; absent when the failure has none. */
  readonly data?: Parameters<typeof wire.output.deserialize>[0]
}

/** The text that is stored for an answer. */
export function storedAnswer(encoded: string): string {
  return ANSWER + encoded
}

/**
 * The text that is stored for a failed call; undefined when its failure is not the last word: what
 * the procedure does not declare, what may be tried again, what depends on the moment.
 */
export function storedRefusal(
  error: unknown,
  declared: readonly ErrorDefinition[],
): string | undefined {
  if (!isFailure(error)) return undefined
  const { definition, details, reason } = error
  if (definition.retryable || FOR_THE_MOMENT.has(definition.code)) return undefined
  if (!declared.some((one) => one.reason === reason)) return undefined
  // The caller is told INTERNAL when the data does not fit, and so the next one must be.
  if (definition.data && !definition.data.safeParse(details.data).success) return undefined
  const { data, retryAfterMs, issues } = details
  const encoded = data === undefined ? undefined : wire.output.serialize(data)
  return REFUSAL + JSON.stringify({ reason, data: encoded, retryAfterMs, issues })
}

/** The encoded answer of a stored text, or the failure that is stored instead. */
export function readOutcome(
  text: string,
  declared: readonly ErrorDefinition[],
): { readonly text: string } | { readonly refusal: Failure } {
  if (text.startsWith(ANSWER)) return { text: text.slice(ANSWER.length) }
  // oxlint-disable-next-line typescript/consistent-type-assertions -- nothing else is ever stored
  const { reason, data, ...details } = JSON.parse(text.slice(REFUSAL.length)) as Refusal
  const definition = declared.find((one) => one.reason === reason)
  if (!definition) throw new Error(`The stored ${reason} is no longer declared by its procedure.`)
  const decoded = data === undefined ? undefined : wire.output.deserialize(data)
  return { refusal: new Failure(definition, { ...details, data: decoded }) }
}
