import { wire } from '@tautline/shared'

/** Payloads that were encoded before tRPC asked for them. */
const encoded = new WeakMap<object, unknown>()

/** Encodes an answer now; when it is sent, it is not encoded again. Throws when it cannot be. */
export function encodeAhead(answer: unknown): void {
  if (typeof answer === 'object' && answer !== null) {
    encoded.set(answer, wire.output.serialize(answer))
  }
}

/** The wire, which knows what was encoded ahead. */
export const serverWire = {
  input: wire.input,
  output: {
    ...wire.output,
    serialize: (answer: unknown): unknown =>
      (typeof answer === 'object' && answer !== null ? encoded.get(answer) : undefined) ??
      wire.output.serialize(answer),
  },
}
