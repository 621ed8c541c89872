import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip, zstdCompress } from 'node:zlib'

import fc from 'fast-check'
import { expect, test } from 'vitest'

import { createContentSniffer } from './content-type.ts'

/** What it says of bytes that come in pieces of a length. */
function typeOf(bytes: Uint8Array, pieceLength = Math.max(1, bytes.length)): string {
  const sniffer = createContentSniffer()
  for (let from = 0; from < bytes.length; from += pieceLength) {
    sniffer.add(bytes.subarray(from, from + pieceLength))
  }
  return sniffer.contentType
}

const bytes = (text: string) => Buffer.from(text, 'latin1')

test.each([
  ['image/png', bytes('\x89PNG\r\n\x1a\n\0\0\0\rIHDR')],
  ['image/jpeg', bytes('\xff\xd8\xff\xe0\0\x10JFIF')],
  ['image/gif', bytes('GIF89a\x01\0')],
  ['image/webp', bytes('RIFF\x24\0\0\0WEBPVP8 ')],
  ['image/avif', bytes('\0\0\0\x1cftypavif\0\0')],
  ['application/pdf', bytes('%PDF-1.7\n')],
  ['application/zip', bytes('PK\x03\x04\x14\0')],
  ['application/gzip', await promisify(gzip)('a')],
  ['application/zstd', await promisify(zstdCompress)('a')],
  ['video/mp4', bytes('\0\0\0\x18ftypmp42\0\0')],
  ['text/plain', Buffer.from('id,name\n1,"Zoë"\n')],
  ['text/plain', Buffer.from('<html><script>alert(1)</script></html>')],
  ['text/plain', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')],
  ['text/plain', Buffer.from('{"json": "🦊"}')],
  ['application/octet-stream', Buffer.from('text with a \0 in it')],
  ['application/octet-stream', bytes('caf\xe9 in Latin-1')],
  ['application/octet-stream', bytes('\x89PNG\r\n')],
  ['application/octet-stream', Buffer.from('UTF-16', 'utf16le')],
  ['application/octet-stream', randomBytes(1_000)],
  ['application/octet-stream', Buffer.alloc(0)],
])('%s is told by bytes, in one piece or in many', (type, content) => {
  for (const length of [content.length || 1, 1, 3, 7]) {
    expect(typeOf(content, length)).toBe(type)
  }
})

test('text is told by all of it: one wrong byte after a megabyte is enough', () => {
  const text = Buffer.from('Grüße, 世界 🦊\n'.repeat(50_000))
  expect(typeOf(text, 65_536)).toBe('text/plain')
  expect(typeOf(Buffer.concat([text, Buffer.from([0xff])]), 65_536)).toBe(
    'application/octet-stream',
  )
  const fox = Buffer.from('🦊')
  expect(typeOf(Buffer.concat([text, fox.subarray(0, 3)]))).toBe('application/octet-stream')
})

test('pieces make no difference to what is text', () => {
  const valid = fc.string({ unit: 'binary', minLength: 1 }).map((text) => Buffer.from(text))
  const anything = fc.uint8Array({ minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(fc.oneof(valid, anything), fc.integer({ min: 1, max: 5 }), (content, length) => {
      expect(typeOf(content, length)).toBe(typeOf(content))
    }),
    { seed: 6 },
  )
})
