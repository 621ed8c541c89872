import type { IncomingMessage } from 'node:http'

import { z } from 'zod'

import { badInput, refusedBy } from '../platform/bad-input.ts'

/** What an upload says before its bytes come. */
export interface WantedUpload {
  readonly name: string
  /** How many bytes will come, where that is known. */
  readonly expectedBytes: number | undefined
  readonly key: string | undefined
}

const Query = z.strictObject({
  name: z.string().default('file'),
  size: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .optional(),
})

/** What browsers send forms as, and `curl -d` too. */
const FORM = /^(?:multipart\/|application\/x-www-form-urlencoded)/i

/** Reads what stands in the URL and the headers of an upload. Throws `BAD_INPUT`. */
export function readWantedUpload(url: URL, { headers }: IncomingMessage): WantedUpload {
  const { name, size } = readQuery(url)
  if (FORM.test(headers['content-type'] ?? '')) {
    throw refused('content-type', 'A file is sent as the body itself, and not in a form.')
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw refused('content-encoding', 'A file is sent as it is, and not encoded.')
  }
  const length = headers['content-length']
  const announced = length === undefined ? undefined : Number(length)
  if (size !== undefined && announced !== undefined && size !== announced) {
    throw refused('size', 'The size is another one than the length of the body.')
  }
  const key = headers['idempotency-key']
  return {
    name,
    expectedBytes: announced ?? size,
    key: Array.isArray(key) ? key.join(', ') : key,
  }
}

function readQuery({ searchParams }: URL): z.output<typeof Query> {
  const names = [...searchParams.keys()]
  if (new Set(names).size < names.length) throw refused('name', 'Something is said twice.')
  const parsed = Query.safeParse(Object.fromEntries(searchParams))
  if (!parsed.success) throw refusedBy(parsed.error)
  return parsed.data
}

function refused(part: string, message: string) {
  return badInput([{ path: [part], code: 'bad_upload', message }])
}
