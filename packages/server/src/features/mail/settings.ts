import { z } from 'zod'

import type { ReadSettings } from '@tautline/kit'

import { Address } from './address.ts'

/** What may stand as `SMTP_URL`: `smtp://user:password@host:587`, `smtps://…` for TLS from the start. */
function isSmtpUrl(text: string): boolean {
  const url = URL.parse(text)
  if (!url || !/^smtps?:$/.test(url.protocol) || url.hostname === '') return false
  try {
    decodeURIComponent(url.username + url.password)
    return true
  } catch {
    return false
  }
}

/**
 * How this backend sends mail. Without `SMTP_URL` a mail is a line in the log while the backend is
 * developed and tested; in production nothing is sent then, nobody is told that it was, and whoever
 * wants to send is refused.
 */
export const mailSettings = z
  .object({
    NODE_ENV: z.string(),
    SMTP_URL: z
      .string()
      .refine(isSmtpUrl, 'must be a URL such as smtp://user:password@host:587')
      .optional(),
    MAIL_FROM: Address.optional(),
  })
  .refine(({ SMTP_URL, MAIL_FROM }) => SMTP_URL === undefined || MAIL_FROM !== undefined, {
    path: ['MAIL_FROM'],
  })

/** An SMTP server, and who it is used by. */
export interface SmtpServer {
  readonly host: string
  readonly port: number
  /** From the start, and not only once both know that they can. */
  readonly tls: boolean
  readonly auth: { readonly user: string; readonly pass: string } | undefined
}

/** Where mail goes. */
export type Outlet =
  | { readonly to: 'smtp'; readonly server: SmtpServer; readonly from: string }
  | { readonly to: 'log'; readonly from: string }
  | { readonly to: 'nowhere' }

/** Stands where nobody has told another. */
const NOBODY = 'nobody@localhost.localdomain'

const PORTS = { 'smtp:': 587, 'smtps:': 465 }

export function outletOf(settings: ReadSettings): Outlet {
  const { NODE_ENV, SMTP_URL, MAIL_FROM: from = NOBODY } = settings(mailSettings)
  if (SMTP_URL !== undefined) return { to: 'smtp', server: serverOf(new URL(SMTP_URL)), from }
  return NODE_ENV === 'production' ? { to: 'nowhere' } : { to: 'log', from }
}

function serverOf({ protocol, hostname, port, username, password }: URL): SmtpServer {
  const tls = protocol === 'smtps:'
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)]
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'), // an IPv6 address as sockets take it
    port: Number(port) || PORTS[tls ? 'smtps:' : 'smtp:'],
    tls,
    auth: user === '' ? undefined : { user, pass },
  }
}
