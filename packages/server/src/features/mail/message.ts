import MailComposer from 'nodemailer/lib/mail-composer'

/** A mail to one recipient. */
export interface Message {
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html?: string | undefined
  /** Without angle brackets. The same for each try, so that who gets two can tell. */
  readonly id: string
}

/** The mail as it goes over the wire. */
export function compose({ id, ...message }: Message): Promise<Buffer> {
  const composer = new MailComposer({
    ...message,
    messageId: `<${id}>`,
    // No answer of an absent reader, please (RFC 3834).
    headers: { 'auto-submitted': 'auto-generated' },
    // Nothing of a mail is read from elsewhere, whatever it names.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return composer.compile().build()
}
