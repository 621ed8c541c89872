import type { ClientOptions } from './client-options.ts'

const handles = new WeakMap<object, ClientOptions>()

/** Keeps what a client was made with, for what goes beside its procedures. */
export function remember<C extends object>(client: C, options: ClientOptions): C {
  handles.set(client, options)
  return client
}

/** What a client was made with. Throws a `TypeError` for what `createClient` has not made. */
export function optionsOf(client: object): ClientOptions {
  const options = handles.get(client)
  if (!options) throw new TypeError('This is no client made by createClient.')
  return options
}
