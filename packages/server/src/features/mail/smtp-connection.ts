import { Readable } from 'node:stream'

import SMTPConnection from 'nodemailer/lib/smtp-connection'

import { Failure, UPSTREAM_OUTCOME_UNKNOWN } from '@tautline/kit'

import { MAIL_SERVER_AWAY } from './errors.ts'
import { keepable, NotSent, type WhyNotSent } from './not-sent.ts'
import type { SmtpServer } from './settings.ts'

/** From the look-up of the name to the greeting, each, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000

/**
 * Longest silence of the server, in milliseconds, as RFC 5321 (4.5.3.2.6) has it: it may look into a mail
 * before it takes it, and whoever leaves sooner does not know whether it did.
 */
const SILENCE_TIMEOUT_MS = 600_000

/** Longest wait for the answer to a farewell, in milliseconds. */
const QUIT_TIMEOUT_MS = 1_000

/** A mail as the server is given it. */
export interface Letter {
  readonly from: string
  readonly to: string
  readonly bytes: Buffer
}

/**
 * One connection to a mail server. nodemailer's own pool is not used: where a connection breaks it
 * sends a mail again that the server may have taken.
 */
export interface SmtpConnection {
  /** Whether it can be used for another mail. */
  readonly isOpen: boolean
  /**
   * Resolves to what the server said when it took the mail. Rejects with `NotSent` when it certainly did
   * not, and with `UPSTREAM_OUTCOME_UNKNOWN` when it was given the mail and did not answer.
   */
  send(letter: Letter): Promise<string>
  close(): void
}

/** Connects, and signs in where there is somebody to be. Throws `MAIL_SERVER_AWAY`. */
export async function connect({ host, port, tls, auth }: SmtpServer): Promise<SmtpConnection> {
  const connection = new SMTPConnection({
    host,
    port,
    secure: tls,
    // A password is not sent for everybody to read.
    requireTLS: !tls && auth !== undefined,
    dnsTimeout: CONNECT_TIMEOUT_MS,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
  })
  const state = { isOpen: true }
  connection.on('end', () => {
    state.isOpen = false
  })
  connection.on('error', () => {}) // told by the call that it breaks
  try {
    await unlessEnded(connection, (done) => connection.connect(done))
    if (auth) await unlessEnded(connection, (done) => connection.login(auth, done))
  } catch (cause) {
    connection.close()
    throw new Failure(MAIL_SERVER_AWAY, { cause })
  }
  return {
    get isOpen() {
      return state.isOpen
    },
    send: (letter) => send(connection, letter),
    close() {
      if (state.isOpen) connection.quit()
      setTimeout(() => connection.close(), QUIT_TIMEOUT_MS).unref()
    },
  }
}

async function send(connection: SMTPConnection, { from, to, bytes }: Letter): Promise<string> {
  let isGiven = false
  // It is read when the server has said that the mail may come, and not before.
  const message = new Readable({
    read() {
      isGiven = true
      this.push(bytes)
      this.push(null)
    },
  })
  try {
    const { response } = await called<SMTPConnection.SentMessageInfo>((done) =>
      connection.send({ from, to, size: bytes.length }, message, done),
    )
    return keepable(response)
  } catch (error) {
    const refusal = refusalOf(error)
    // A mail that was refused leaves the server in the middle of it.
    if (refusal) await reset(connection)
    else connection.close()
    if (refusal) throw refusal
    if (isGiven) throw new Failure(UPSTREAM_OUTCOME_UNKNOWN, { cause: error })
    throw new NotSent('cut off', 'The connection to the mail server broke.', { cause: error })
  }
}

async function reset(connection: SMTPConnection): Promise<void> {
  await unlessEnded(connection, (done) => connection.reset(done)).catch(() => connection.close())
}

/** What the server said against it, where it said something: a number of three digits and a text. */
function refusalOf(error: unknown): NotSent | undefined {
  if (!(error instanceof Error)) return undefined
  if (isTooLarge(error)) return new NotSent('refused', error.message, { cause: error })
  if (!('responseCode' in error)) return undefined
  const { responseCode } = error
  if (typeof responseCode !== 'number' || responseCode < 400) return undefined
  const said = 'response' in error ? String(error.response) : String(responseCode)
  return new NotSent(whyOf(responseCode), said, { cause: error })
}

/** 421 is of the server and not of the mail (RFC 5321, 3.8). */
function whyOf(code: number): WhyNotSent {
  if (code === 421) return 'away'
  return code < 500 ? 'put off' : 'refused'
}

/** Whether the server has said beforehand that it takes none as large: then it is not even asked. */
function isTooLarge(error: Error): boolean {
  return 'code' in error && error.code === 'EMESSAGE' && !('responseCode' in error)
}

/** The same for what is not called back when the connection ends meanwhile. */
async function unlessEnded(
  connection: SMTPConnection,
  run: (done: (error?: Error | null) => void) => void,
): Promise<void> {
  let onEnd = () => {}
  try {
    await called((done) => {
      onEnd = () => done(new Error('The connection has ended.'))
      connection.once('error', done).once('end', onEnd)
      run(done)
    })
  } finally {
    connection.off('end', onEnd)
  }
}

/** A function that calls back, as a promise. */
function called<T = void>(
  run: (done: (error?: Error | null, result?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    // oxlint-disable-next-line typescript/consistent-type-assertions -- there is a result where there is no error
    run((error, result) => (error ? reject(error) : resolve(result as T)))
  })
}
