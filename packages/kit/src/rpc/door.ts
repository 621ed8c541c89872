import { commonErrors, Failure } from '@tautline/shared'

import { badInput } from '../platform/bad-input.ts'
import type { BodyBudget } from './body-budget.ts'
import { readBody } from './body.ts'
import type { RequestContext } from './context.ts'
import { authorise } from './gates.ts'
import type { RpcRequest } from './http.ts'
import { checkJsonShape } from './json-guard.ts'
import { checkOrigin } from './origin-gate.ts'
import type { Plans } from './plans.ts'

/** Most calls in one HTTP request. */
export const MAX_BATCH_SIZE = 20

const DEFAULT_MAX_BODY_BYTES = 1_000_000

/** Longest wait that a caller may announce, in milliseconds. */
const MAX_DEADLINE_MS = 3_600_000

/** What the first line and the headers of a request say. */
export interface Announced {
  /** Names of its procedures, whether there are any such or not. */
  readonly paths: readonly string[]
  readonly isBatch: boolean
  /** How long the caller waits, in milliseconds. */
  readonly deadlineMs: number | undefined
  readonly idempotencyKey: string | undefined
}

/** Looks at all that comes before the body. Throws for what no procedure is called by. */
export function readAnnounced(rpc: RpcRequest): Announced {
  const { request, origins } = rpc
  const { method, headers } = request
  const isBatch = rpc.url.searchParams.get('batch') === '1'
  const paths = pathsOf(rpc.path, isBatch)
  if (!/^[\w.:[\]-]*$/.test(headers.host ?? '')) {
    throw badInput([{ path: [], code: 'bad_host', message: 'The Host header names no host.' }])
  }
  if (method === 'POST') {
    checkOrigin(headers, origins)
    if (!isJson(headers['content-type'])) throw new Failure(commonErrors.UNSUPPORTED_MEDIA_TYPE)
  } else if (method !== 'GET') throw new Failure(commonErrors.METHOD_NOT_SUPPORTED)
  const idempotencyKey = single(headers['idempotency-key'])
  if (idempotencyKey !== undefined && paths.length > 1) {
    const message = 'A call with an idempotency key travels alone.'
    throw badInput([{ path: [], code: 'key_in_batch', message }])
  }
  return { paths, isBatch, deadlineMs: deadlineOf(headers['x-deadline-ms']), idempotencyKey }
}

/** The paths of the calls; a batch names up to twenty. Throws `BAD_INPUT`. */
function pathsOf(path: string, isBatch: boolean): string[] {
  const paths = isBatch ? decodePath(path).split(',') : [decodePath(path)]
  if (paths.length <= MAX_BATCH_SIZE) return paths
  const message = `A batch has at most ${MAX_BATCH_SIZE} calls.`
  throw badInput([{ path: [], code: 'batch_too_large', message }])
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw badInput([{ path: [], code: 'malformed', message: 'The path cannot be decoded.' }])
  }
}

/** Media types are case-insensitive (RFC 9110, 8.3.1); JSON is UTF-8 (RFC 8259, 8.1). */
function isJson(contentType: string | undefined): boolean {
  return /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(contentType ?? '')
}

function deadlineOf(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined
  const ms = /^\d{1,9}$/.test(String(header)) ? Number(header) : 0
  if (ms >= 1) return Math.min(ms, MAX_DEADLINE_MS)
  const message = 'x-deadline-ms is a whole number of milliseconds, from 1 on.'
  throw badInput([{ path: ['x-deadline-ms'], code: 'bad_deadline', message }])
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}

/** What is needed to read the inputs of a request. */
export interface InputParts {
  readonly context: RequestContext
  readonly plans: Plans
  /** What bodies may hold until they have come. */
  readonly bodies: BodyBudget
}

/** Reads the inputs, within the limits of their procedures. The text of a POST, undefined for a GET. */
export async function readInputs(
  { request, url, address }: RpcRequest,
  { paths }: Announced,
  { context, plans, bodies }: InputParts,
): Promise<string | undefined> {
  const maxBytes = bodyLimit(paths, plans)
  if (request.method === 'GET') {
    checkJsonShape(url.searchParams.get('input') ?? '', maxBytes)
    return undefined
  }
  if (maxBytes > DEFAULT_MAX_BODY_BYTES) await authoriseLargeBody(paths, context, plans)
  using intake = bodies.open(address)
  const text = await readBody(request, maxBytes, intake)
  checkJsonShape(text, maxBytes)
  return text
}

/** The largest body that any of the procedures takes, in bytes. */
export function largestBodyBytes(plans: Plans): number {
  const limits = [...plans.values()].map(({ policy }) => policy.maxBodyBytes ?? 0)
  return Math.max(DEFAULT_MAX_BODY_BYTES, ...limits)
}

/** A batch shares one body, so that no procedure's larger limit serves another one. */
function bodyLimit(paths: readonly string[], plans: Plans): number {
  const limits = paths.map((path) => plans.get(path)?.policy.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES)
  return limits.length === 1 ? Math.max(...limits) : Math.min(DEFAULT_MAX_BODY_BYTES, ...limits)
}

/** A large body is held in memory, so who may not call is told so before it is read. */
async function authoriseLargeBody(
  paths: readonly string[],
  context: RequestContext,
  plans: Plans,
): Promise<void> {
  for (const path of paths) {
    const plan = plans.get(path)
    if (plan) authorise(plan.policy.allow, await context.identify())
  }
}

/**
 * Input of the only call, as it came: in a batch of one it is the value of the key `0`. Empty for a
 * body that is not JSON, which tRPC refuses.
 */
export function rawInputOf(text: string | undefined, { isBatch }: Announced): string {
  if (text === undefined || text === '' || !isBatch) return text ?? ''
  const inputs = parsed(text)
  const isObject = typeof inputs === 'object' && inputs !== null && '0' in inputs
  return isObject ? JSON.stringify(inputs['0']) : ''
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
