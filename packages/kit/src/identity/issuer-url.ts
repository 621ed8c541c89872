const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * A URL from which keys may come. Throws for one that is none, and for plain HTTP to another
 * machine: who can change the keys on their way can sign in as anybody.
 */
export function parseIssuerUrl(text: string, name: string): URL {
  const url = URL.parse(text)
  if (!url) throw new Error(`${name} is not a URL: ${text}`)
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname))
  if (!safe) throw new Error(`${name} must be https, or http on this machine: ${text}`)
  return url
}
