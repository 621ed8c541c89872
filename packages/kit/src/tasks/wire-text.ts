import { wire } from '@tautline/shared'

/** A value as a task keeps it: what superjson can carry, as text. */
export function toText(value: unknown): string {
  return JSON.stringify(wire.output.serialize(value))
}

/** The value of a text that `toText` has made. */
export function fromText(text: string): unknown {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- `toText` has written it
  return wire.output.deserialize(JSON.parse(text) as Parameters<typeof wire.output.deserialize>[0])
}
