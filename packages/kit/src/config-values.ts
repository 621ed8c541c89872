import { isIP } from 'node:net'

import { z } from 'zod'

export function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text)
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) return false
  try {
    decodeURIComponent(url.username + url.password)
    return true
  } catch {
    return false
  }
}

/** With a user and a password where Redis has them, TLS by `rediss:`. */
export function isRedisUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== ''
}

/** No random text of 32 characters has fewer than 8 different ones. */
export function isVaried(secret: string): boolean {
  return new Set(secret).size >= 8
}

/** Several values, with commas between. */
export function listOf(isValid: (item: string) => boolean, message: string) {
  return z
    .string()
    .transform(splitList)
    .refine((items) => items.every(isValid), message)
}

export function splitList(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** `*` stands for everything, so nothing can stand beside it. */
export const orAlone = (items: readonly string[]) => items.length === 1 || !items.includes('*')

export function isHost(text: string): boolean {
  return text === '*' || /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i.test(text)
}

/** As browsers write it: lower case, no usual port, nothing behind. Apps have schemes of their own. */
export function isOrigin(text: string): boolean {
  if (text === '*') return true
  if (!/^[a-z][a-z\d+.-]*:\/\/[^/?#@*\\\s]+$/.test(text)) return false
  return !/^https?:/.test(text) || URL.parse(text)?.origin === text
}

export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return (
    prefix === undefined ||
    (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
  )
}

/** One port of a host, or a whole network. */
export function isOutgoingPlace(text: string): boolean {
  return text.includes('/') ? isNetwork(text) : isHost(text) && /:\d+$/.test(text)
}
