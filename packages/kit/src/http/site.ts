import type { ExportHandler } from '../exports/handler.ts'
import { FILES_PATH } from '../files-http/definition.ts'
import type { FileHandler } from '../files-http/transfer.ts'
import type { RpcRequest } from '../rpc/http.ts'
import { withCors, type CorsPolicy } from './cors.ts'
import { forHosts } from './hosts.ts'
import { readOnly, sendJson, type Route } from './server.ts'

export interface SiteOptions {
  /** Pages by their path. */
  readonly pages: Readonly<Record<string, Route>>
  /** Pages for balancers and orchestrators, which ask by address: every host name is good. */
  readonly probes: Readonly<Record<string, Route>>
  readonly rpc: (rpc: RpcRequest) => Promise<void>
  /** Exports by their path. */
  readonly exports: Readonly<Record<string, ExportHandler>>
  /** Where files come and go; undefined where a backend keeps none. */
  readonly files: FileHandler | undefined
  readonly hosts: readonly string[] | undefined
  readonly cors: CorsPolicy
}

const RPC_PREFIX = '/rpc/'

const nothing: Route = ({ response }) =>
  sendJson(response, 404, { error: 'There is nothing here.' })

/** What is where, and who may ask for it: one route for all of it. */
export function createSite(options: SiteOptions): Route {
  const { pages, probes, rpc, exports, files, hosts, cors } = options
  const rpcRoute = withCors(cors, (exchange) =>
    rpc({
      ...exchange,
      path: exchange.url.pathname.slice(RPC_PREFIX.length),
      origins: cors.origins,
    }),
  )
  const exportAt = new Map(
    Object.entries(exports).map(([path, handler]) => [path, withCors(cors, handler)]),
  )
  const filesRoute = files
    ? withCors(cors, (exchange) => files({ ...exchange, origins: cors.origins }))
    : nothing
  const pageAt = readable(pages)
  const probeAt = readable(probes)
  const site = forHosts(hosts, (exchange) => {
    const { pathname } = exchange.url
    if (pathname.startsWith(RPC_PREFIX)) return rpcRoute(exchange)
    if (pathname === FILES_PATH || pathname.startsWith(`${FILES_PATH}/`)) {
      return filesRoute(exchange)
    }
    const route = exportAt.get(pathname) ?? pageAt.get(pathname) ?? nothing
    return route(exchange)
  })
  return (exchange) => (probeAt.get(exchange.url.pathname) ?? site)(exchange)
}

function readable(pages: Readonly<Record<string, Route>>): ReadonlyMap<string, Route> {
  return new Map(Object.entries(pages).map(([path, page]) => [path, readOnly(page)]))
}
