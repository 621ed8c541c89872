import fc from 'fast-check'
import { expect, test } from 'vitest'

import { attachment } from './disposition.ts'

/** What a browser reads of it (RFC 8187). */
const nameIn = (header: string) =>
  decodeURIComponent(/filename\*=UTF-8''(?<name>.*)$/.exec(header)?.groups?.['name'] ?? '')

test.each([
  ['report.pdf', 'report.pdf', 'report.pdf'],
  ['Größe 世界 🦊.csv', 'Gr__e __ _.csv', 'Größe 世界 🦊.csv'],
  ['a"b\\c.txt', 'a_b_c.txt', 'a_b_c.txt'],
  ['../../etc/passwd', '.._.._etc_passwd', '.._.._etc_passwd'],
  ['C:\\boot.ini', 'C__boot.ini', 'C__boot.ini'],
  ['100%25.txt', '100_25.txt', '100%25.txt'],
  ["it's (a) *.txt", "it's (a) _.txt", "it's (a) _.txt"],
  ['photo\u202egpj.exe', 'photo_gpj.exe', 'photo_gpj.exe'],
  ['..', 'file', 'file'],
  ['a; filename=b.exe', 'a; filename=b.exe', 'a; filename=b.exe'],
])('%j is told as a name and nothing else', (name, plain, full) => {
  const header = attachment(name)
  expect(header).toMatch(/^attachment; filename="[^"]*"; filename\*=UTF-8''[\w!#$&+.^`|~%-]*$/)
  expect(header).toContain(`filename="${plain}"`)
  expect(nameIn(header)).toBe(full)
})

test('every name makes a header that a server may send', () => {
  const names = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter((name) => !/\p{Cc}/u.test(name))
  fc.assert(
    fc.property(names, (name) => {
      const header = attachment(name)
      expect(header).toMatch(/^[\x20-\x7e]*$/)
      expect(header.match(/"/g)).toHaveLength(2)
      expect(nameIn(header)).not.toMatch(/[/\\]/)
    }),
    { seed: 6 },
  )
})
