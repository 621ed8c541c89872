import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'

import { Client } from 'pg'
import { z } from 'zod'

import { defineApp } from '../../app-definition.ts'
import type { Identity } from '../../resources.ts'
import {
  startTestServer,
  type TestCaller,
  type TestServerOptions,
} from '../../testing/start-test-server.ts'
import { authorizationOf } from '../../testing/test-identity.ts'
import { files, type FilesOptions } from './files.ts'

export const MAX_BYTES = 1_000_000
export const QUOTA_BYTES = 3_000_000

const usual = {
  maxBytes: MAX_BYTES,
  quotaBytes: QUOTA_BYTES,
  maxFiles: 20,
} satisfies FilesOptions

const uploads = { stallTimeoutMs: 500, maxPerOwner: 30 }
const downloads = { stallTimeoutMs: 500 }

export function createFilesApp(options: FilesOptions = {}, identity: Identity = () => null) {
  return defineApp({
    name: 'files',
    version: '1.0.0',
    features: {
      files: files({
        ...usual,
        ...options,
        uploads: { ...uploads, ...options.uploads },
        downloads: { ...downloads, ...options.downloads },
      }),
    },
    identity,
    migrations: new URL('../../rpc/no-migrations.fixture/', import.meta.url),
  })
}

export interface RawFileRequest {
  readonly as?: TestCaller
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

const Failed = z.object({
  error: z.object({
    json: z.object({
      data: z.object({ reason: z.string(), data: z.unknown().optional() }),
    }),
  }),
})

const Sent = z.object({
  result: z.object({
    data: z.object({
      json: z.object({
        id: z.string(),
        name: z.string(),
        contentType: z.string(),
        size: z.number(),
        sha256: z.string(),
        createdAt: z.string(),
      }),
    }),
  }),
})

/** Sends a request, with a body if there is one. What comes after the head is read when the test reads it. */
export function openRequest(
  url: string,
  { as, headers = {}, body, method = body === undefined ? 'GET' : 'POST' }: RawFileRequest = {},
): Promise<IncomingMessage> {
  const authorization = as && authorizationOf({ roles: [], scopes: [], ...as })
  return new Promise((resolve, reject) => {
    request(url, {
      method,
      agent: false,
      headers: { ...(authorization !== undefined && { authorization }), ...headers },
    })
      .on('response', resolve)
      .on('error', reject)
      .end(body)
  })
}

/** The same, with all of the answer. */
export async function ask(url: string, options?: RawFileRequest) {
  const response = await openRequest(url, options)
  const bytes = await buffer(response)
  return { status: response.statusCode, headers: response.headers, bytes, text: bytes.toString() }
}

export type Answer = Awaited<ReturnType<typeof ask>>

/** The file that an upload has made. */
export const fileOf = ({ text }: Answer) => Sent.parse(JSON.parse(text)).result.data.json

/** Why there is none. */
export const errorOf = ({ text }: Pick<Answer, 'text'>) =>
  Failed.parse(JSON.parse(text)).error.json.data

let callers = 0
/** Somebody who has no files yet. */
export const newcomer = (): TestCaller => ({ userId: `caller-${++callers}` })

/** Begins an upload whose body the test sends. */
export function beginUpload(
  url: string,
  { as, headers = {} }: { readonly as: TestCaller; readonly headers?: OutgoingHttpHeaders },
) {
  const authorization = authorizationOf({ roles: [], scopes: [], ...as })
  const upload = request(url, {
    method: 'POST',
    agent: false,
    headers: { authorization, ...headers },
  })
  const answer = new Promise<Answer>((resolve, reject) => {
    upload.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const { statusCode: status, headers: told } = response
        resolve({ status, headers: told, bytes, text: bytes.toString() })
      })
    })
  })
  answer.catch(() => {}) // of those that leave
  return { upload, answer }
}

/** A running backend that keeps files, and what of it no answer tells. */
export async function startFilesServer(
  options: FilesOptions = {},
  config: TestServerOptions['config'] = {},
  identity?: Identity,
) {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'tautline-files-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const given = { config: { files: { folder }, ...config } }
  const server = stack.use(await startTestServer(createFilesApp(options, identity), given))
  const own = new Client({ connectionString: server.databaseUrl })
  own.on('error', () => {}) // a lost connection fails the query that is under way
  await own.connect()
  stack.defer(() => own.end())
  const running = stack.move()

  return {
    ...server,
    own,
    folder,
    upload: (query: string, options: RawFileRequest) =>
      ask(`${server.url}/files${query}`, { method: 'POST', ...options }),
    /** Sends bytes as somebody, and gives the id of the file. */
    async store(as: TestCaller, body: Uint8Array | string, name = 'a.txt'): Promise<string> {
      return fileOf(await ask(`${server.url}/files?name=${encodeURIComponent(name)}`, { as, body }))
        .id
    },
    /** Names of all files in the folder, whole or not. */
    async stored(): Promise<string[]> {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
    },
    /** How many rows there are of files, and of bytes that are none. */
    rows: async (): Promise<{ files: number; unclaimed: number }> => {
      const { rows } = await own.query<{ files: number; unclaimed: number }>(
        `select (select count(*)::int from tautline.file) as files,
           (select count(*)::int from tautline.file_unclaimed) as unclaimed`,
      )
      return rows[0] ?? { files: -1, unclaimed: -1 }
    },
    gauge: (name: string) => server.app.metrics.snapshot().gauges[name] ?? 0,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Bytes that no two calls give alike. */
export const someBytes = (count: number) => randomBytes(count)
