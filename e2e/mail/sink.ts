import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** A mail that the sink has written down. */
export interface TakenMail {
  readonly to: string
  /** How many were written down before it. */
  readonly number: number
}

/** What happens around the answer to a mail; the answer waits for the first. */
export interface Witness {
  taken(mail: TakenMail): Promise<void> | void
  answered(mail: TakenMail): void
}

/** A mail server that writes down every mail before it says that it has taken it. */
export interface Sink extends AsyncDisposable {
  readonly url: string
  /** Whom it was told to write to, in the order in which that was written down. */
  readonly taken: readonly string[]
}

/** It knows nobody whose address begins with `refused`. */
export async function startSink(witness: Witness): Promise<Sink> {
  const taken: string[] = []
  const sockets = new Set<Socket>()

  /** Written down first: whatever happens to the answer, the mail is there. */
  async function take(to: string, socket: Socket): Promise<void> {
    const mail = { to, number: taken.push(to) - 1 }
    await witness.taken(mail)
    socket.write('250 2.0.0 taken\r\n', () => witness.answered(mail))
  }

  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    talk(socket, (to) => {
      take(to, socket).catch(() => {}) // the socket has gone
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `smtp://127.0.0.1:${port}`,
    taken,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const END_OF_MAIL = '\r\n.\r\n'

/** As much of SMTP (RFC 5321) as a sender needs. */
function talk(socket: Socket, take: (to: string) => void): void {
  let heard = ''
  let to = ''
  let isMail = false

  function answer(line: string): void {
    const [verb = ''] = line.toUpperCase().split(/[ :]/, 1)
    if (verb === 'RCPT') to = /<(.*?)>/.exec(line)?.[1] ?? ''
    if (verb === 'RCPT' && to.startsWith('refused')) return say('550 5.1.1 nobody here')
    if (verb === 'DATA') isMail = true
    if (verb === 'DATA') return say('354 go on')
    say(verb === 'QUIT' ? '221 goodbye' : '250 good')
    if (verb === 'QUIT') socket.end()
  }

  const say = (line: string) => void socket.write(`${line}\r\n`)

  /** The next line or mail, once all of it has come. */
  function next(): boolean {
    const end = isMail ? END_OF_MAIL : '\r\n'
    const at = heard.indexOf(end)
    if (at < 0) return false
    const part = heard.slice(0, at)
    heard = heard.slice(at + end.length)
    if (isMail) take(to)
    else answer(part)
    return true
  }

  socket.setEncoding('utf8').on('data', (chunk: string) => {
    heard += chunk
    for (;;) {
      const wasMail = isMail
      if (!next()) return
      if (wasMail) isMail = false
    }
  })
  say('220 sink ESMTP')
}
