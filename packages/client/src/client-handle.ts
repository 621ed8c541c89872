import type { ClientOptions } from './client-options.ts'

declare const made: unique symbol

/** What `createClient` has made, whatever its procedures: only a type, there is no such property. */
export interface ClientHandle {
  readonly [made]: true
}

const handles = new WeakMap<object, ClientOptions>()

/** Keeps what a client was made with, for what goes beside its procedures. */
export function remember<C extends ClientHandle>(client: C, options: ClientOptions): C {
  handles.set(client, options)
  return client
}

/** What a client was made with. Throws a `TypeError` for anything else. */
export function optionsOf(client: ClientHandle): ClientOptions {
  const options = handles.get(client)
  if (!options) throw new TypeError('This is no client made by createClient.')
  return options
}
