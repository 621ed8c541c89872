import { expect, test } from 'vitest'

import { acceptedEncoding } from './encodings.ts'

test.each([
  ['gzip, deflate, br, zstd', 'zstd'],
  ['gzip, deflate, br', 'br'],
  ['gzip;q=1.0, identity; q=0.5', 'gzip'],
  ['GZIP', 'gzip'],
  ['zstd;q=0, br ; q=0.0, gzip;q=0.1', 'gzip'],
  ['*', 'zstd'],
  ['zstd;q=0, *;q=0.5', 'br'],
  ['identity', 'identity'],
  ['*;q=0', 'identity'],
  ['gzip;q=nonsense', 'gzip'],
  ['compress, deflate', 'identity'],
  ['', 'identity'],
  [undefined, 'identity'],
])('a reader who takes %j gets %s', (header, encoding) => {
  expect(acceptedEncoding(header)).toBe(encoding)
})
