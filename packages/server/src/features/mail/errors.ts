import { defineError, Failure } from '@tautline/kit'

export const MAIL_NOT_CONFIGURED = defineError('MAIL_NOT_CONFIGURED', {
  code: 'SERVICE_UNAVAILABLE',
  message: 'This backend sends no mail: it was told of no mail server.',
})

/** Before anything was sent: the task is tried again when there is a server. */
export const MAIL_SERVER_AWAY = defineError('MAIL_SERVER_AWAY', {
  code: 'SERVICE_UNAVAILABLE',
  message: 'The mail server cannot be reached, or lets nobody in.',
  retryable: true,
})

const MAIL_PUT_OFF = defineError('MAIL_PUT_OFF', {
  code: 'SERVICE_UNAVAILABLE',
  message: 'The mail server may take some of the mails later.',
  retryable: true,
})

/** Before mails that were put off are tried again, in milliseconds: many servers want minutes. */
const PUT_OFF_MS = 120_000

/** Ends an attempt whose mails are all sent but for those that the server has put off. */
export const putOff = () => new Failure(MAIL_PUT_OFF, { retryAfterMs: PUT_OFF_MS })
