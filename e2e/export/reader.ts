import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'

const decoders = {
  zstd: createZstdDecompress,
  br: createBrotliDecompress,
  gzip: createGunzip,
}

/** How an export is asked for. */
export interface Wish {
  readonly format: 'csv' | 'ndjson'
  readonly encoding: keyof typeof decoders | 'identity'
}

/** Asks for all items. `firstByteMs` is from the request to the first byte of the body. */
export async function openItems(url: string, { format, encoding }: Wish) {
  const startedAt = performance.now()
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${url}/exports/items?format=${format}`, {
      agent: false,
      headers: { 'accept-encoding': encoding },
    })
      .on('response', resolve)
      .on('error', reject)
      .end()
  })
  if (response.statusCode !== 200) throw new Error(`The answer is ${response.statusCode}.`)
  await once(response, 'readable')
  return { response, firstByteMs: Math.round(performance.now() - startedAt) }
}

/** A row of an item, as far as it matters here. */
export interface ItemRow {
  /** The number in its sku. */
  readonly number: number
  /** Where it stands among the others, in the order of text. */
  readonly place: string
}

/** A row in either format. */
const ROW =
  /^(?:\{"id":)?"?([\da-f-]{36})"?,(?:"sku":)?"?(\d{7})"?,.*(20[^",]{24}Z)"?,(?:"updatedAt":)?"?20/

/** Reads rows as fast as they are asked for. */
export async function* readItems(response: IncomingMessage): AsyncGenerator<ItemRow, void> {
  for await (const line of createInterface({ input: decoded(response), crlfDelay: Infinity })) {
    const [, id, sku, createdAt] = ROW.exec(line) ?? []
    if (id !== undefined) yield { number: Number(sku), place: `${createdAt},${id}` }
  }
}

function decoded(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding']
  if (encoding === 'zstd' || encoding === 'br' || encoding === 'gzip') {
    return response.pipe(decoders[encoding]())
  }
  return response
}

/** Counts rows, each of which has to come once and in its order. */
export function createTally(items: number) {
  const seen = new Uint8Array(items + 1)
  let [rows, wrong, last] = [0, 0, '']
  return {
    add({ number, place }: ItemRow) {
      if (seen[number] !== 0 || place <= last) wrong++
      seen[number] = 1
      last = place
      rows++
    },
    get result() {
      return { rows, wrong }
    },
  }
}
