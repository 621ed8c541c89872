import { setTimeout as sleep } from 'node:timers/promises'

import { Failure, isFailure, type TaskContext } from '@tautline/kit'

import { MAIL_NOT_CONFIGURED, MAIL_SERVER_AWAY } from './errors.ts'
import { compose, type Message } from './message.ts'
import { NotSent } from './not-sent.ts'
import type { Outlet, SmtpServer } from './settings.ts'
import { connect, type Letter, type SmtpConnection } from './smtp-connection.ts'

/** Pauses before another try of one mail, in milliseconds: for what passes at once, or not soon. */
const PAUSES_MS = [250, 1_000]

/** Mails of one connection; many servers take no more. */
const MAX_MAILS = 100

/** Where mails are left, one after the other. */
export interface Postbox extends Disposable {
  /** Makes sure that mails can be left. Throws `MAIL_NOT_CONFIGURED` and `MAIL_SERVER_AWAY`. */
  open(): Promise<void>
  /**
   * Leaves a mail; resolves to what the server said when it took it. What passes is tried again, within
   * two seconds. Rejects with `NotSent`, and with `UPSTREAM_OUTCOME_UNKNOWN`.
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
      for (const pauseMs of PAUSES_MS) {
        try {
          return await send(letter)
        } catch (error) {
          if (!isPassing(error)) throw error
        }
        await sleep(pauseMs)
      }
      return send(letter).catch((error: unknown) => {
        throw isAway(error) ? new NotSent(error.message, { isPassing: true, cause: error }) : error
      })
    },
    [Symbol.dispose]: () => connection?.close(),
  }
}

function isAway(error: unknown): error is Failure {
  return isFailure(error) && error.reason === MAIL_SERVER_AWAY.reason
}

function isPassing(error: unknown): boolean {
  return isAway(error) || (error instanceof NotSent && error.isPassing)
}
