import { expect, test } from 'vitest'
import type { z } from 'zod'

import { mailSettings, outletOf } from './settings.ts'

/** Where mail goes with this environment. */
function outlet(environment: Record<string, string>) {
  const parsed = mailSettings.parse({ NODE_ENV: 'production', ...environment })
  // oxlint-disable-next-line typescript/consistent-type-assertions -- nothing else is asked for
  return outletOf(<S extends z.ZodObject>(_: S) => parsed as z.output<S>)
}

const MAIL_FROM = 'desk@example.com'

test('a URL names the server, its port, TLS from the start, and who signs in', () => {
  expect(outlet({ SMTP_URL: 'smtp://mail.example', MAIL_FROM })).toEqual({
    to: 'smtp',
    from: MAIL_FROM,
    server: { host: 'mail.example', port: 587, tls: false, auth: undefined },
  })
  const auth = { user: 'anna@example.com', pass: 'p@ss:word' }
  const url = 'smtps://anna%40example.com:p%40ss%3Aword@[::1]'
  expect(outlet({ SMTP_URL: url, MAIL_FROM })).toMatchObject({
    server: { host: '::1', port: 465, tls: true, auth },
  })
  expect(outlet({ SMTP_URL: 'smtp://a:b@h:2525', MAIL_FROM })).toMatchObject({
    server: { port: 2525, tls: false },
  })
})

test('without a server mail goes to the log, but in production nowhere', () => {
  expect(outlet({ NODE_ENV: 'development' }).to).toBe('log')
  expect(outlet({}).to).toBe('nowhere')
})

test.each([
  { SMTP_URL: 'mail.example', MAIL_FROM },
  { SMTP_URL: 'http://mail.example', MAIL_FROM },
  { SMTP_URL: 'smtp://a:%zz@mail.example', MAIL_FROM },
  { SMTP_URL: 'smtp://mail.example' },
  { SMTP_URL: 'smtp://mail.example', MAIL_FROM: 'Desk <desk@example.com>' },
  { MAIL_FROM: 'desk@example.com\r\nBcc: all@example.com' },
])('%o is a mistake', (environment) => {
  expect(() => outlet(environment)).toThrow(/SMTP_URL|MAIL_FROM/)
})
