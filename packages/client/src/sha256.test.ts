import fc from 'fast-check'
import { expect, test } from 'vitest'

import { createSha256 } from './sha256.ts'

async function webCrypto(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

test('the hash of bytes in pieces is that of Web Crypto, whatever the pieces', async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 })
  const property = fc.asyncProperty(pieces, async (all) => {
    const hash = createSha256()
    for (const piece of all) hash.add(piece)
    expect(hash.digest()).toBe(await webCrypto(Uint8Array.from(all.flatMap((piece) => [...piece]))))
  })
  await fc.assert(property, { seed: 6, numRuns: 300 })
})
