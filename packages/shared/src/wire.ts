import superjson from 'superjson'

import { encodePlain } from './wire-encode.ts'
import { applyValues, checkText, hasCycle, WireError } from './wire-values.ts'

interface Payload {
  json: unknown
  meta?: { values?: unknown; referentialEqualities?: unknown }
}

function isPayload(value: unknown): value is Payload {
  if (typeof value !== 'object' || value === null) return false
  if (!('json' in value)) return false
  return !('meta' in value) || (typeof value.meta === 'object' && value.meta !== null)
}

function encodeInput(value: unknown): unknown {
  const plain = encodePlain(value)
  if (plain) return plain
  const payload = superjson.serialize(value)
  if (hasCycle(payload.meta?.referentialEqualities)) {
    throw new WireError('An input cannot contain itself.')
  }
  // A shared reference is sent in full at each place, so the annotation adds nothing.
  delete payload.meta?.referentialEqualities
  return payload
}

function decodeInput(payload: unknown): unknown {
  if (!isPayload(payload)) throw new WireError('An input is sent as { "json": … }.')
  if (hasCycle(payload.meta?.referentialEqualities)) {
    throw new WireError('An input cannot contain itself.')
  }
  checkText(payload.json)
  return applyValues(payload.json, payload.meta?.values)
}

/**
 * The wire format of both directions: superjson, so that any stock tRPC client with superjson
 * works. Outputs may use all of it; inputs are decoded by our own strict reader (`wire-values.ts`),
 * which knows JSON, dates, bigints and undefined and throws `WireError` on anything else.
 */
export const wire = {
  input: { serialize: encodeInput, deserialize: decodeInput },
  output: {
    serialize: (value: unknown): unknown => encodePlain(value) ?? superjson.serialize(value),
    deserialize: (payload: Parameters<typeof superjson.deserialize>[0]): unknown =>
      superjson.deserialize(payload),
  },
}
