import { Failure, type TaskContext } from '@tautline/kit'

import { MAIL_NOT_CONFIGURED } from './errors.ts'
import { compose, type Message } from './message.ts'
import { NotSent } from './not-sent.ts'
import type { Outlet, SmtpServer } from './settings.ts'
import { connect, type Letter, type SmtpConnection } from './smtp-connection.ts'

/** Mails of one connection; many servers take no more. */
const MAX_MAILS = 100

/** Where mails are left, one after the other. */
export interface Postbox extends Disposable {
  /** Makes sure that mails can be left. Throws `MAIL_NOT_CONFIGURED` and `MAIL_SERVER_AWAY`. */
  open(): Promise<void>
  /**
   * Leaves a mail; resolves to what the server said when it took it. Rejects with `NotSent`, with
   * `MAIL_SERVER_AWAY` where it was not even asked, and with `UPSTREAM_OUTCOME_UNKNOWN`.
   */
  leave(message: Message): Promise<string>
}

export function createPostbox(outlet: Outlet, log: TaskContext['log']): Postbox {
  if (outlet.to === 'smtp') return createSmtpPostbox(outlet.server)
  return {
    async open() {
      if (outlet.to === 'nowhere') throw new Failure(MAIL_NOT_CONFIGURED)
    },
    async leave({ to, subject, text }) {
      log.info({ to, subject, text }, 'a mail that was not sent, because there is no SMTP_URL')
      return 'written to the log'
    },
    [Symbol.dispose]() {},
  }
}

function createSmtpPostbox(server: SmtpServer): Postbox {
  let connection: SmtpConnection | undefined
  let mails = 0

  async function open(): Promise<SmtpConnection> {
    if (connection?.isOpen && mails < MAX_MAILS) return connection
    connection?.close()
    connection = await connect(server)
    mails = 0
    return connection
  }

  async function send(letter: Letter): Promise<string> {
    const current = await open()
    mails++
    return current.send(letter)
  }

  return {
    async open() {
      await open()
    },
    async leave(message) {
      const { from, to } = message
      const letter = { from, to, bytes: await compose(message) }
      try {
        return await send(letter)
      } catch (error) {
        if (!(error instanceof NotSent && error.why === 'cut off')) throw error
        // As servers do that have waited, or have had enough of one connection.
        return send(letter)
      }
    },
    [Symbol.dispose]: () => connection?.close(),
  }
}
