import { once } from 'node:events'

import { SMTPServer, type SMTPServerSession } from 'smtp-server'

/** A mail that was taken. */
export interface TakenMail {
  readonly to: string
  readonly raw: string
}

/** What a mail server may do to a recipient, by the first part of their address. */
type Manner = 'refused' | 'busy' | 'once' | 'closing' | 'spam' | 'silent' | 'cut'

export interface SinkOptions {
  /** Any free one by default. */
  readonly port?: number
}

/**
 * A mail server that takes what it is sent, but for some recipients: `refused@` is unknown there,
 * `busy@` never has time, `once@` has it the second time, `closing@` finds it about to close twelve times, `spam@` is refused when the mail is there,
 * `silent@` takes the mail and goes without an answer, `cut@` goes before the mail, the first time.
 */
export async function startSmtpSink({ port = 0 }: SinkOptions = {}) {
  const taken: TakenMail[] = []
  const asked = new Map<string, number>()
  let connections = 0

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onConnect(_, done) {
      connections++
      done()
    },
    onRcptTo({ address }, session, done) {
      const times = (asked.get(address) ?? 0) + 1
      asked.set(address, times)
      const manner = mannerOf(address)
      if (manner === 'cut' && times === 1) return cut(session)
      if (manner === 'refused') return done(refusal(550, 'No such user here'))
      if (manner === 'busy' || (manner === 'once' && times === 1)) {
        return done(refusal(450, 'Come back later'))
      }
      if (manner === 'closing' && times <= 12) return done(refusal(421, 'Closing for a while'))
      done()
    },
    onData(stream, session, done) {
      const to = session.envelope.rcptTo[0]?.address ?? ''
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        if (mannerOf(to) === 'spam') return done(refusal(554, 'This is spam'))
        taken.push({ to, raw: String(Buffer.concat(chunks)) })
        if (mannerOf(to) === 'silent') return cut(session)
        done()
      })
    },
  })

  function cut({ id }: SMTPServerSession): void {
    for (const connection of server.connections) {
      if (connection.id === id) connection._socket.destroy()
    }
  }

  server.on('error', () => {}) // of connections that were cut
  const listening = server.listen(port, '127.0.0.1')
  await once(listening, 'listening')
  const address = listening.address()
  const at = typeof address === 'object' && address ? address.port : 0
  return {
    port: at,
    url: `smtp://127.0.0.1:${at}`,
    taken,
    /** How often somebody was to be written to, by address. */
    asked,
    get connections() {
      return connections
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(resolve)),
  }
}

// oxlint-disable-next-line typescript/consistent-type-assertions -- any other part is no manner
const mannerOf = (address: string) => address.split(/[@.]/, 1)[0] as Manner

const refusal = (responseCode: number, message: string) =>
  Object.assign(new Error(message), { responseCode })
