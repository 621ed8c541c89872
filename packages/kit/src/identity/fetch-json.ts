/** An issuer that takes longer counts as away, in milliseconds. */
const TIMEOUT_MS = 3_000

/** Largest document of an issuer, in bytes; a key set has a few thousand. */
const MAX_BYTES = 200_000

/**
 * Fetches a JSON document of an issuer. Throws when that takes longer than three seconds, answers
 * with anything but 200, leads elsewhere or is longer than 200,000 bytes.
 */
export async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`${url} answered with status ${response.status}.`)
  }
  return JSON.parse(await readText(response, url))
}

/** Counts what arrives, because a length that is only announced may be wrong. */
async function readText(response: Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_BYTES) throw new Error(`${url} answered with more than ${MAX_BYTES} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
