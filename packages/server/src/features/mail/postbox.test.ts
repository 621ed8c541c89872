import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

import { expect, test } from 'vitest'

import { createPostbox } from './postbox.ts'
import { startSmtpSink } from './smtp-sink.fixture.ts'

const lines: unknown[] = []

// oxlint-disable-next-line typescript/consistent-type-assertions -- a postbox says no more than this
const log = { info: (line: unknown) => lines.push(line) } as never

const message = {
  from: 'desk@shop.example',
  to: 'anna@a.example',
  subject: 'Hello',
  text: 'World',
  id: '1@shop.example',
}

/** The postbox of a server on this port. */
const postboxAt = (port: number, auth?: { user: string; pass: string }) =>
  createPostbox(
    { to: 'smtp', from: message.from, server: { host: '127.0.0.1', port, tls: false, auth } },
    log,
  )

test('one connection takes mail after mail', async () => {
  await using sink = await startSmtpSink()
  using postbox = postboxAt(sink.port)
  for (const to of ['a@a.example', 'b@a.example', 'refused@a.example', 'c@a.example']) {
    await postbox.open()
    await postbox.leave({ ...message, to }).catch(() => {})
  }
  expect(sink.taken.map(({ to }) => to)).toEqual(['a@a.example', 'b@a.example', 'c@a.example'])
  expect(sink.connections).toBe(1)
})

test('a password is not sent where everybody can read it', async () => {
  const heard: string[] = []
  const plain = createServer((socket) => {
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        heard.push(String(chunk))
        socket.write('250-plain\r\n250 AUTH PLAIN LOGIN\r\n')
      })
    socket.write('220 plain ESMTP\r\n')
  }).listen(0, '127.0.0.1')
  await once(plain, 'listening')
  // oxlint-disable-next-line typescript/consistent-type-assertions -- it listens on a port
  const { port } = plain.address() as AddressInfo
  using postbox = postboxAt(port, { user: 'anna', pass: 'hunter2' })
  await expect(postbox.open()).rejects.toThrow('The mail server cannot be reached')
  expect(heard.join('')).toMatch(/^EHLO /)
  expect(heard.join('')).not.toMatch(/AUTH|hunter2|aHVudGVyM/)
  plain.close()
})

test('a server that never says a word is away', async () => {
  const mute = createServer((socket) => socket.on('error', () => {}).destroy()).listen(
    0,
    '127.0.0.1',
  )
  await once(mute, 'listening')
  // oxlint-disable-next-line typescript/consistent-type-assertions -- it listens on a port
  using postbox = postboxAt((mute.address() as AddressInfo).port)
  await expect(postbox.open()).rejects.toMatchObject({ reason: 'MAIL_SERVER_AWAY' })
  mute.close()
})

test('where mail goes to the log, it is a line in it', async () => {
  using postbox = createPostbox({ to: 'log', from: message.from }, log)
  await postbox.open()
  await postbox.leave(message)
  expect(lines).toEqual([{ to: message.to, subject: 'Hello', text: 'World' }])
})
