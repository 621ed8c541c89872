import { defineError } from '@tautline/kit'

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
