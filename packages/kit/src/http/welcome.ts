import { sendJson, type Route } from './server.ts'

/** `GET /`: what this is, for somebody who found the port. */
export function createWelcome({ name, version }: { name: string; version: string }): Route {
  return ({ response }) =>
    sendJson(response, 200, {
      name,
      version,
      what: 'A Tautline RPC backend. Call procedures under /rpc with a typed client.',
      procedures: '/rpc/<noun>.<verb>',
      health: { alive: '/livez', ready: '/readyz' },
    })
}
