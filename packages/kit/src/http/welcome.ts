import { sendJson, type Route } from './server.ts'

/** `GET /`: what this is, for somebody who found the port. */
export function createWelcome(facts: { readonly name: string; readonly version: string }): Route {
  return ({ response }) =>
    sendJson(response, 200, {
      ...facts,
      what: 'A Tautline RPC backend. Call procedures under /rpc with a typed client.',
      procedures: '/rpc/<noun>.<verb>',
      health: { alive: '/livez', ready: '/readyz' },
    })
}
